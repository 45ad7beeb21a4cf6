/** Turns the samples of all rounds into one row a proxy, and the rows into text. */
import os from "node:os";
import type { Contender } from "./contender.ts";
import type { Load, Sample } from "./load.ts";

/** The design's budget: our CPU a request for one plain hop, Envoy's being 1. */
const CPU_RATIO_MAX = 0.45;

const REFERENCE = "envoy";

export interface Row {
  readonly name: string;
  readonly version: string;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMicrosPerRequest: number;
  readonly residentMegabytes: number;
  readonly failures: number;
  /** CPU a request, Envoy's in the same round being 1; median of the rounds; null without Envoy. */
  readonly cpuRatio: number | null;
  /** The lowest and the highest of these ratios. */
  readonly cpuRatioSpread: readonly [number, number] | null;
}

export interface Report {
  readonly benchmark: "one-hop";
  readonly date: string;
  readonly machine: string;
  readonly loadAverage: readonly number[];
  readonly load: Load & { readonly rounds: number };
  readonly rows: readonly Row[];
  readonly budget: {
    readonly cpuRatioMax: number;
    readonly cpuRatio: number | null;
    readonly met: boolean | null;
  };
}

/** @param samples Contender's name → its samples, one a round, in the order of the rounds. */
export function makeReport(
  contenders: readonly Contender[],
  samples: ReadonlyMap<string, readonly Sample[]>,
  load: Load,
  rounds: number,
): Report {
  const rows = contenders.map((contender) => rowOf(contender, samples));
  const cpuRatio = rows.find(({ name }) => name === "outrigger")?.cpuRatio ?? null;
  return {
    benchmark: "one-hop",
    date: new Date().toISOString(),
    machine: machine(),
    loadAverage: os.loadavg().map((value) => round(value, 2)),
    load: { ...load, rounds },
    rows,
    budget: {
      cpuRatioMax: CPU_RATIO_MAX,
      cpuRatio,
      met: cpuRatio === null ? null : cpuRatio <= CPU_RATIO_MAX,
    },
  };
}

function rowOf({ name, version }: Contender, samples: ReadonlyMap<string, readonly Sample[]>): Row {
  const own = samples.get(name) ?? [];
  const ratios = own.flatMap(({ cpuMicrosPerRequest }, index) => {
    const reference = samples.get(REFERENCE)?.[index];
    return reference === undefined ? [] : [cpuMicrosPerRequest / reference.cpuMicrosPerRequest];
  });
  const known = ratios.length > 0;
  return {
    name,
    version,
    requestsPerSecond: Math.round(median(own.map((sample) => sample.requestsPerSecond))),
    p50Ms: round(median(own.map((sample) => sample.p50Ms)), 2),
    p99Ms: round(median(own.map((sample) => sample.p99Ms)), 2),
    cpuMicrosPerRequest: round(median(own.map((sample) => sample.cpuMicrosPerRequest)), 1),
    residentMegabytes: round(median(own.map((sample) => sample.residentBytes)) / 2 ** 20, 1),
    failures: own.reduce((sum, sample) => sum + sample.failures, 0),
    cpuRatio: known ? round(median(ratios), 3) : null,
    cpuRatioSpread: known ? [round(Math.min(...ratios), 3), round(Math.max(...ratios), 3)] : null,
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function machine(): string {
  const cpus = os.cpus();
  const memory = Math.round(os.totalmem() / 2 ** 30);
  const model = cpus[0]?.model.trim() ?? "unknown CPU";
  const system = `${os.type()} ${os.release()}`;
  return `${cpus.length} x ${model}, ${memory} GiB, ${system}, Node ${process.version}`;
}

const TITLES = [
  "proxy",
  "version",
  "req/s",
  "p50 ms",
  "p99 ms",
  "CPU us/req",
  "RSS MB",
  "CPU, Envoy = 1",
  "failures",
];

function cells(row: Row): string[] {
  const spread = row.cpuRatioSpread;
  const ratio =
    row.cpuRatio === null || spread === null
      ? "-"
      : `${row.cpuRatio.toFixed(2)} (${spread[0].toFixed(2)}-${spread[1].toFixed(2)})`;
  return [
    row.name,
    row.version,
    String(row.requestsPerSecond),
    row.p50Ms.toFixed(2),
    row.p99Ms.toFixed(2),
    row.cpuMicrosPerRequest.toFixed(1),
    row.residentMegabytes.toFixed(1),
    ratio,
    String(row.failures),
  ];
}

/** Names stand left, numbers right. */
function aligned(lines: readonly (readonly string[])[], separator: string): string[] {
  const widths = TITLES.map((_, column) =>
    Math.max(...lines.map((line) => (line[column] ?? "").length)),
  );
  return lines.map((line) =>
    line
      .map((cell, column) =>
        column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join(separator),
  );
}

function verdict({ budget }: Report): string {
  if (budget.cpuRatio === null) return "budget: not known without Envoy beside it";
  const word = budget.met === true ? "met" : "missed";
  const ratio = budget.cpuRatio.toFixed(2);
  return `budget: CPU a request at most ${budget.cpuRatioMax} of Envoy's: ${ratio}, ${word}`;
}

function conditions({ date, machine, loadAverage, load }: Report): string[] {
  return [
    `${date}, ${machine}`,
    `one plain HTTP/1.1 hop, ${load.connections} connections, one worker each; ` +
      `medians of ${load.rounds} interleaved rounds of ${load.seconds} s; ` +
      `load average ${loadAverage.join(" ")}`,
  ];
}

/** For a terminal. */
export function toText(report: Report): string {
  const table = aligned([TITLES, ...report.rows.map(cells)], "  ");
  return [...conditions(report), "", ...table, "", verdict(report)].join("\n");
}

/** For docs/performance.md. */
export function toMarkdown(report: Report): string {
  const rule = TITLES.map((_, column) => (column < 2 ? "---" : "---:"));
  const table = [TITLES, rule, ...report.rows.map(cells)].map((line) => `| ${line.join(" | ")} |`);
  return [...conditions(report), "", ...table, "", verdict(report)].join("\n");
}
