import { FAULTS } from "./faults.ts";
import { POLICIES } from "./policies.ts";
import type { Outcome } from "./run.ts";

const HEAD = [
  "fault",
  "policy",
  "goodput",
  "amplification",
  "refused",
  "p99",
  "time to open",
  "time to recover",
  "POSTs twice",
];

/** Markdown: the legend, and a row for each outcome. */
export function toMarkdown(outcomes: readonly Outcome[]): string {
  return [
    "### Faults",
    "",
    ...FAULTS.map(({ name, says }) => `- **${name}**: ${says}`),
    "",
    "### Policies",
    "",
    ...POLICIES.map(({ name, says }) => `- **${name}**: ${says}`),
    "",
    "### Outcomes",
    "",
    row(HEAD),
    row(HEAD.map((_, at) => (at < 2 ? "---" : "--:"))),
    ...outcomes.map((outcome) => row(cellsOf(outcome))),
  ].join("\n");
}

export function cellsOf(outcome: Outcome): readonly string[] {
  const { amplification, fault, goodput, openMs, p99Ms, policy, postsTwice, recoverMs, refused } =
    outcome;
  return [
    fault,
    policy,
    percent(goodput),
    amplification.toFixed(2),
    percent(refused),
    `${p99Ms.toFixed(0)} ms`,
    openMs === undefined ? "–" : `${openMs.toFixed(0)} ms`,
    recoverMs === undefined ? "not seen" : `${recoverMs.toFixed(0)} ms`,
    String(postsTwice),
  ];
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
