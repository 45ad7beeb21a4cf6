/** A report as text for a terminal, or as Markdown for docs/performance.md. */
import os from "node:os";
import type { Metric, Scenario } from "../scenario.ts";
import type { Report, Row, Verdict } from "./report.ts";

/** The name and the version stand left, numbers right. */
const LEFT_COLUMNS = 2;

export function machine(): string {
  const cpus = os.cpus();
  const memory = Math.round(os.totalmem() / 2 ** 30);
  const model = cpus[0]?.model.trim() ?? "unknown CPU";
  const system = `${os.type()} ${os.release()}`;
  return `${cpus.length} x ${model}, ${memory} GiB, ${system}, Node ${process.version}`;
}

export function loadAverage(): number[] {
  return os.loadavg().map((value) => Number(value.toFixed(2)));
}

function titleOf({ metrics }: Scenario, key: string): string {
  return metrics.find((metric) => metric.key === key)?.title ?? key;
}

/** `CPU us/req` → `CPU, Envoy = 1`: a ratio has no unit. */
function ratioTitle(scenario: Scenario, key: string): string {
  const words = titleOf(scenario, key).split(" ");
  return `${words.slice(0, -1).join(" ")}, Envoy = 1`;
}

function titles(scenario: Scenario): string[] {
  return [
    "proxy",
    "version",
    ...scenario.metrics.map(({ title }) => title),
    ...scenario.ratios.map((key) => ratioTitle(scenario, key)),
  ];
}

function value(row: Row, { key, digits }: Metric): string {
  const number = row.values[key];
  return number === undefined || Number.isNaN(number) ? "-" : number.toFixed(digits);
}

function ratio(row: Row, key: string): string {
  const found = row.ratios[key];
  if (found === undefined) return "-";
  const [middle, low, high] = [found.median, found.low, found.high].map((it) => it.toFixed(2));
  return `${middle} (${low}-${high})`;
}

function cells(scenario: Scenario, row: Row): string[] {
  return [
    row.name,
    row.version,
    ...scenario.metrics.map((metric) => value(row, metric)),
    ...scenario.ratios.map((key) => ratio(row, key)),
  ];
}

function aligned(lines: readonly (readonly string[])[]): string[] {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => (line[column] ?? "").length)),
  );
  const pad = (cell: string, column: number): string =>
    column < LEFT_COLUMNS ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  return lines.map((line) => line.map(pad).join("  "));
}

function verdict(scenario: Scenario, { metric, max, of, measured, met }: Verdict): string {
  const title = of === "ratio" ? ratioTitle(scenario, metric) : titleOf(scenario, metric);
  const said = measured === null ? "not measured" : measured.toFixed(of === "ratio" ? 2 : 1);
  const word = met === null ? "" : met ? ", met" : ", MISSED";
  return `budget: ${title} at most ${max}: ${said}${word}`;
}

function conditions(scenario: Scenario, report: Report): string {
  const { rounds, secondsARound, loadAverage } = report;
  const each = rounds === 1 ? "one round" : `medians of ${rounds} interleaved rounds`;
  const long = secondsARound === null ? ", a new process each" : ` of ${secondsARound} s`;
  return `${scenario.load}; ${each}${long}; load average ${loadAverage.join(" ")}`;
}

/** Below the table: budgets, and what did not run. */
function remarks(scenario: Scenario, { rows, verdicts }: Report): string[] {
  const failed = rows.flatMap(({ name, failure }) =>
    failure === null ? [] : [`${name} did not run: ${failure}`],
  );
  return [...verdicts.map((one) => verdict(scenario, one)), ...failed];
}

export function toText(scenario: Scenario, report: Report): string {
  const table = aligned([titles(scenario), ...report.rows.map((row) => cells(scenario, row))]);
  const heading = `== ${scenario.name}: ${scenario.title}`;
  return [heading, conditions(scenario, report), ...table, ...remarks(scenario, report), ""].join(
    "\n",
  );
}

export function toMarkdown(scenario: Scenario, report: Report): string {
  const head = titles(scenario);
  const rule = head.map((_, column) => (column < LEFT_COLUMNS ? "---" : "---:"));
  const table = [head, rule, ...report.rows.map((row) => cells(scenario, row))];
  const lines = table.map((line) => `| ${line.join(" | ")} |`);
  const list = remarks(scenario, report).map((line) => `- ${line}`);
  const paragraphs = [`## ${scenario.title}`, `${conditions(scenario, report)}.`];
  return [...paragraphs, lines.join("\n"), list.join("\n"), ""].join("\n\n");
}
