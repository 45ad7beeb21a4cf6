import { paint, type Sheet } from "../../up/table/layout.ts";
import type { CircuitRow, ShownState } from "./circuit-rows.ts";
import type { ClusterRow } from "./cluster-rows.ts";

/** What all proxies have told at one moment. */
export interface Picture {
  readonly circuits: readonly CircuitRow[];
  readonly clusters: readonly ClusterRow[];
  /** Proxies that did not answer, and why. */
  readonly silent: readonly { readonly pod: string; readonly reason: string }[];
}

interface Column<Row> {
  readonly title: string;
  readonly align: "left" | "right";
  readonly text: (row: Row, nowMs: number) => string;
}

const STATE_WORDS: Readonly<Record<ShownState, string>> = {
  closed: "closed",
  open: "OPEN",
  halfOpen: "half-open",
};
const STATE_ORDER: readonly ShownState[] = ["open", "halfOpen", "closed"];
const STATE_PAINT = { closed: "green", open: "red", halfOpen: "yellow" } as const;

const CIRCUIT_COLUMNS: readonly Column<CircuitRow>[] = [
  { title: "STATE", align: "left", text: ({ state }) => STATE_WORDS[state] },
  { title: "SINCE", align: "right", text: ({ since }, now) => ago(since, now) },
  { title: "CIRCUIT", align: "left", text: ({ circuit }) => circuit },
  { title: "AT", align: "left", text: ({ at }) => at },
  { title: "POD", align: "left", text: ({ pod }) => pod },
  { title: "OPENED", align: "right", text: ({ opened }) => String(opened) },
  { title: "REJECTED", align: "right", text: ({ rejected }) => String(rejected) },
  { title: "RECOVERY", align: "right", text: ({ recoverySeconds: s }) => seconds(s) },
];

const CLUSTER_COLUMNS: readonly Column<ClusterRow>[] = [
  { title: "CLUSTER", align: "left", text: ({ cluster }) => cluster },
  { title: "POD", align: "left", text: ({ pod }) => pod },
  { title: "HEALTHY", align: "right", text: (row) => `${row.healthy}/${row.endpoints}` },
  { title: "EJECTED", align: "right", text: ({ ejected }) => String(ejected) },
  { title: "EJECTIONS", align: "right", text: ({ ejections }) => String(ejections) },
  { title: "OVERFLOWS", align: "right", text: ({ overflows }) => String(overflows) },
  { title: "RETRIES", align: "right", text: ({ retries }) => String(retries) },
  { title: "REFUSED", align: "right", text: ({ retriesRefused }) => String(retriesRefused) },
  { title: "LEFT", align: "right", text: ({ retriesLeft }) => left(retriesLeft) },
];

const NONE = "–";
const GAP = "  ";
/** Istio's "unlimited" and its neighbourhood say nothing. */
const UNLIMITED_FROM = 4_000_000_000;

/** The picture as lines, none wider than the sheet. */
export function pictureLines(picture: Picture, nowMs: number, sheet: Sheet): string[] {
  const circuits = picture.circuits.filter(isEventful).toSorted(byState);
  const quiet = picture.circuits.length - circuits.length;
  const lines: string[] = [];
  if (circuits.length > 0) {
    const [head = "", ...rows] = tableOf(CIRCUIT_COLUMNS, circuits, nowMs, sheet.columns);
    const painted = rows.map((row, at) => {
      const state = circuits[at]?.state ?? "closed";
      return paintFirst(row, STATE_WORDS[state], state, sheet);
    });
    lines.push(paint(head, "dim", sheet));
    for (const row of painted) lines.push(row);
  }
  if (circuits.length === 0 || quiet > 0) lines.push(quietLine(circuits.length, quiet));
  if (picture.clusters.length > 0) {
    const [head = "", ...rows] = tableOf(CLUSTER_COLUMNS, picture.clusters, nowMs, sheet.columns);
    lines.push("", paint(head, "dim", sheet));
    for (const row of rows) lines.push(row);
  }
  if (picture.silent.length > 0) lines.push("");
  for (const { pod, reason } of picture.silent) {
    lines.push(cut(` ${pod} does not answer: ${reason}`, sheet.columns));
  }
  return lines;
}

/** Every proxy has every circuit: those that nothing has happened to would hide the others. */
function isEventful({ opened, rejected, state }: CircuitRow): boolean {
  return state !== "closed" || opened > 0 || rejected > 0;
}

function quietLine(shown: number, quiet: number): string {
  if (quiet === 0) return " no circuits";
  const others = shown === 0 ? "" : "other ";
  return ` ${quiet} ${others}${quiet === 1 ? "circuit has" : "circuits have"} never opened`;
}

function paintFirst(row: string, word: string, state: ShownState, sheet: Sheet): string {
  const at = row.indexOf(word);
  const painted = paint(word, STATE_PAINT[state], sheet);
  return `${row.slice(0, at)}${painted}${row.slice(at + word.length)}`;
}

function byState(left: CircuitRow, right: CircuitRow): number {
  return (
    STATE_ORDER.indexOf(left.state) - STATE_ORDER.indexOf(right.state) ||
    left.circuit.localeCompare(right.circuit) ||
    left.pod.localeCompare(right.pod)
  );
}

function tableOf<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  nowMs: number,
  width: number,
): string[] {
  const texts = rows.map((row) => columns.map(({ text }) => text(row, nowMs)));
  const all = [columns.map(({ title }) => title), ...texts];
  const widths = columns.map((_, at) =>
    all.reduce((widest, line) => Math.max(widest, line[at]?.length ?? 0), 0),
  );
  narrow(widths, width);
  return all.map((line) => {
    const cells = line.map((text, at) => {
      const short = cut(text, widths[at] ?? 0);
      const end = columns[at]?.align === "right";
      return end ? short.padStart(widths[at] ?? 0) : short.padEnd(widths[at] ?? 0);
    });
    return cut(` ${cells.join(GAP)}`.trimEnd(), width);
  });
}

const NARROWEST = 10;

/** The widest columns give way. */
function narrow(widths: number[], width: number): void {
  const total = (): number => 1 + widths.reduce((sum, one) => sum + one + GAP.length, -GAP.length);
  while (total() > width) {
    const widest = widths.indexOf(Math.max(...widths));
    if ((widths[widest] ?? 0) <= NARROWEST) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
}

/** Names come from proxies, and might move the cursor. */
function cut(name: string, width: number): string {
  const text = name.replaceAll(/\p{Cc}/gu, "�");
  return text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text;
}

function ago(sinceMs: number | undefined, nowMs: number): string {
  if (sinceMs === undefined) return NONE;
  const s = Math.max(0, Math.floor((nowMs - sinceMs) / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  return s < 86_400 ? `${Math.floor(s / 3600)} h` : `${Math.floor(s / 86_400)} d`;
}

function seconds(value: number | undefined): string {
  return value === undefined ? NONE : `${value.toFixed(1)} s`;
}

function left(count: number | undefined): string {
  return count === undefined || count >= UNLIMITED_FROM ? NONE : String(count);
}
