/** What was measured as tables, with the budgets of the breaker and what became of them. */
import { CONTENDERS, type Path } from "./contender.ts";
import { FEW, MANY, type Measured } from "./measure.ts";

interface Budget {
  readonly goal: string;
  readonly measured: string;
  readonly met: boolean;
}

const TITLES: Readonly<Record<Path, string>> = {
  closed: "calls that succeed",
  failing: "calls that fail",
  refused: "calls that an open circuit refuses",
};

function ns(value: number): string {
  return value.toFixed(1);
}

function atMost(goal: string, measured: number, limit: number, unit: string): Budget {
  return { goal, measured: `${ns(measured)} ${unit}`, met: measured <= limit };
}

/** Of the issue "Resilience": the closed path, the failure path, size and memory. */
export function budgetsOf({ ns, allowRecordNs, bucketsGrowth, retainedBytes }: Measured): Budget[] {
  const { closed, failing } = ns;
  const faster = (way: Path, than: "opossum" | "cockatielSampling"): number =>
    ns[way][than] / ns[way].outrigger;
  const times = (goal: string, measured: number, least: number): Budget => ({
    goal,
    measured: `${measured.toFixed(1)} times`,
    met: measured >= least,
  });
  return [
    atMost(
      "success: at most 100 ns above a bare await",
      closed.outrigger - closed.bareAwait,
      100,
      "ns",
    ),
    times("success: at least 5 times opossum's calls a second", faster("closed", "opossum"), 5),
    times("success: faster than cockatiel, sampling", faster("closed", "cockatielSampling"), 1),
    times("failure: at least 5 times opossum's calls a second", faster("failing", "opossum"), 5),
    times(
      "failure: faster than cockatiel, sampling",
      failing.cockatielSampling / failing.outrigger,
      1,
    ),
    atMost("allow and record of a success: at most 50 ns", allowRecordNs.success, 50, "ns"),
    atMost("allow and record of a failure: at most 50 ns", allowRecordNs.failure, 50, "ns"),
    atMost(
      `no growth with the window: ${MANY} buckets at most 10% above ${FEW}`,
      bucketsGrowth * 100,
      10,
      "%",
    ),
    atMost("nothing retained of 10 million calls: at most 64 KiB", retainedBytes / 1024, 64, "KiB"),
  ];
}

function padded(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join("  ");
  return rows.map((row) => `  ${line(row).trimEnd()}`).join("\n");
}

export function toTables(measured: Measured): string {
  const sections = (["closed", "failing", "refused"] as const).map((way) => {
    const bare = measured.ns[way].bareAwait;
    const rows = CONTENDERS.map((name) => {
      const one = measured.ns[way][name];
      return [name, ns(one), ns(one - bare), Math.round(1e9 / one).toLocaleString("en")];
    });
    const head = ["", "ns a call", "above bare", "calls a second"];
    return `${TITLES[way]}\n${padded([head, ...rows])}`;
  });
  const budgets = budgetsOf(measured).map(({ goal, measured, met }) => [
    goal,
    measured,
    met ? "met" : "MISSED",
  ]);
  return [...sections, `budgets\n${padded([["", "measured", ""], ...budgets])}`].join("\n\n");
}

/** One line, as the issue asks for it. */
export function toJson({ ns: { closed }, allowRecordNs }: Measured): string {
  const rounded = (value: number): number => Number(value.toFixed(1));
  const nsPerCall = Object.fromEntries(CONTENDERS.map((name) => [name, rounded(closed[name])]));
  return JSON.stringify({ nsPerCall, allowRecordNs: rounded(allowRecordNs.success) });
}
