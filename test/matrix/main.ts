/**
 * `npm run matrix`: every fault under every policy, one after the other, and writes what came of
 * it into docs/resilience.md. With `--only WORDS`: the cells whose fault and policy have them, on
 * the terminal alone.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { FAULTS } from "./faults.ts";
import { POLICIES } from "./policies.ts";
import { type Outcome, runCell } from "./run.ts";
import { cellsOf, toMarkdown } from "./table.ts";

const DOCUMENT: string = fileURLToPath(new URL("../../docs/resilience.md", import.meta.url));
const BEGIN = "<!-- npm run matrix writes from here -->";
const END = "<!-- to here -->";

const only = process.argv[2] === "--only" ? process.argv.slice(3) : [];
const cells = FAULTS.flatMap((fault) => POLICIES.map((policy) => ({ fault, policy }))).filter(
  ({ fault, policy }) => only.every((word) => `${fault.name} / ${policy.name}`.includes(word)),
);
const outcomes: Outcome[] = [];
for (const { fault, policy } of cells) {
  const outcome = await runCell(fault, policy);
  outcomes.push(outcome);
  console.log(cellsOf(outcome).join("  "));
}
if (only.length === 0) {
  const text = readFileSync(DOCUMENT, "utf8");
  const [head = "", rest = ""] = text.split(BEGIN);
  const tail = rest.slice(rest.indexOf(END));
  writeFileSync(DOCUMENT, `${head}${BEGIN}\n\n${toMarkdown(outcomes)}\n\n${tail}`);
}
process.exit(0);
