/** A report as one section: conditions, a row a contender, budgets, what did not run. */
import os from "node:os";
import type { Metric, Scenario } from "../scenario.ts";
import type { Format } from "./format.ts";
import type { Ratio, Report, Row, Verdict } from "./report.ts";

/** The name and the version stand left. */
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

/** What a budget is for, with its unit. */
export function goalOf(scenario: Scenario, { metric, of }: Verdict): string {
  return of === "ratio" ? ratioTitle(scenario, metric) : titleOf(scenario, metric);
}

export function measuredText({ measured, of, spread }: Verdict): string {
  if (measured === null) return "not measured";
  if (of === "ratio" && spread !== null) return spreadText(spread);
  return measured.toFixed(1);
}

export function verdictText({ met }: Verdict): string {
  return met === null ? "-" : met ? "met" : "MISSED";
}

function spreadText({ median, low, high }: Ratio): string {
  return `${median.toFixed(2)} (${low.toFixed(2)}-${high.toFixed(2)})`;
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
  return found === undefined ? "-" : spreadText(found);
}

function cells(scenario: Scenario, row: Row): string[] {
  return [
    row.name,
    row.version,
    ...scenario.metrics.map((metric) => value(row, metric)),
    ...scenario.ratios.map((key) => ratio(row, key)),
  ];
}

function conditions(scenario: Scenario, report: Report): string {
  const { rounds, secondsARound, loadAverage } = report;
  const each = rounds === 1 ? "one round" : `medians of ${rounds} interleaved rounds`;
  const long = secondsARound === null ? ", a new process each" : ` of ${secondsARound} s`;
  return `${scenario.load}; ${each}${long}; load average ${loadAverage.join(" ")}.`;
}

/** Below the table: budgets, and what did not run. */
function remarks(scenario: Scenario, { rows, verdicts }: Report): string[] {
  const budgets = verdicts.map((one) => {
    const goal = `${goalOf(scenario, one)}, at most ${one.max}`;
    return `budget: ${goal}: ${measuredText(one)}, ${verdictText(one)}`;
  });
  const failed = rows.flatMap(({ name, failure }) =>
    failure === null ? [] : [`${name} did not run: ${failure}`],
  );
  return [...budgets, ...failed];
}

export function toSection(scenario: Scenario, report: Report, format: Format): string {
  const lines = [titles(scenario), ...report.rows.map((row) => cells(scenario, row))];
  const parts = [
    format.heading(`${scenario.title} (${scenario.name})`),
    conditions(scenario, report),
    format.table(lines, LEFT_COLUMNS),
    format.remarks(remarks(scenario, report)),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}
