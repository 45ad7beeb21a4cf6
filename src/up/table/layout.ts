import type { TableRow } from "./rows.ts";

/** How wide the terminal is, and whether it shows colour. */
export interface Sheet {
  readonly columns: number;
  readonly colour: boolean;
}

interface Column {
  readonly title: string;
  readonly align: "left" | "right";
  readonly text: (row: TableRow, sheet: Sheet) => string;
  readonly paint?: (row: TableRow) => Paint | undefined;
}

type Paint = "bold" | "dim" | "red" | "yellow" | "green" | "cyan";

const CODES: Readonly<Record<Paint, string>> = {
  bold: "1",
  dim: "2",
  red: "31",
  green: "32",
  yellow: "33",
  cyan: "36",
};

const NONE = "–";
const BAR_CELLS = 16;
const BAR_FROM_COLUMNS = 104;
const GAP = 2;
const MARGIN = " ";
const NAME_MAX = 32;
const NAME_MIN = 10;

const COLUMNS: readonly Column[] = [
  { title: "SERVICE", align: "left", text: (row) => (row.instance === "" ? row.service : "") },
  {
    title: "VERSION",
    align: "left",
    text: (row) => (row.instance === "" ? row.version || NONE : ` ${row.address}`),
    paint: (row) => (row.instance === "" ? undefined : "dim"),
  },
  { title: "WANTED", align: "right", text: (row) => percent(row.wanted, 0) },
  {
    title: "MEASURED",
    align: "right",
    text: (row) => percent(row.measured, 1),
    paint: drift,
  },
  { title: "REQ/S", align: "right", text: (row) => rate(row.requestsPerSecond) },
  { title: "SUCCESS", align: "right", text: (row) => percent(row.success, 1), paint: health },
  { title: "P50", align: "right", text: (row) => duration(row.p50Ms) },
  { title: "P99", align: "right", text: (row) => duration(row.p99Ms) },
];

const BAR: Column = {
  title: "SHARE",
  align: "left",
  text: (row) => bar(row.measured, row.wanted),
  paint: () => "cyan",
};

/** The table as lines, none wider than the sheet. */
export function tableLines(rows: readonly TableRow[], sheet: Sheet): string[] {
  const columns = sheet.columns >= BAR_FROM_COLUMNS ? withBar() : COLUMNS;
  const texts = rows.map((row) => columns.map((column) => column.text(row, sheet)));
  blankRepeats(texts, rows);
  const widths = nameWidths(columns, texts, sheet.columns);
  const title = columns.map(({ title }, index) => cell(title, widths[index] ?? 0, columns[index]));
  const head = paint(trimmed(title), "dim", sheet);
  return [
    head,
    ...texts.map((line, at) => {
      const row = rows[at];
      const cells = line.map((text, index) => {
        const column = columns[index];
        const plain = cell(text, widths[index] ?? 0, column);
        const how = row === undefined ? undefined : column?.paint?.(row);
        return how === undefined ? plain : paint(plain, how, sheet);
      });
      return trimmed(cells);
    }),
  ];
}

export function paint(text: string, how: Paint, sheet: Sheet): string {
  return sheet.colour ? `\u001b[${CODES[how]}m${text}\u001b[0m` : text;
}

function withBar(): Column[] {
  return [...COLUMNS.slice(0, 4), BAR, ...COLUMNS.slice(4)];
}

function trimmed(cells: readonly string[]): string {
  return (MARGIN + cells.join(" ".repeat(GAP))).trimEnd();
}

/** A service's name stands once, above its versions. */
function blankRepeats(texts: string[][], rows: readonly TableRow[]): void {
  let shown = "";
  rows.forEach((row, index) => {
    const line = texts[index];
    if (row.instance !== "" || line === undefined) return;
    if (row.service === shown) line[0] = "";
    shown = row.service;
  });
}

/** The two columns of names give way when the sheet is narrow. */
function nameWidths(
  columns: readonly Column[],
  texts: readonly string[][],
  width: number,
): number[] {
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...texts.map((line) => line[index]?.length ?? 0)),
  );
  const names = [0, 1];
  for (const index of names) widths[index] = Math.min(widths[index] ?? 0, NAME_MAX);
  const total = (): number =>
    MARGIN.length + widths.reduce((sum, each) => sum + each, 0) + GAP * (widths.length - 1);
  while (total() > width) {
    const [first = 0, second = 0] = widths;
    const widest = first >= second ? 0 : 1;
    if ((widths[widest] ?? 0) <= NAME_MIN) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

function cell(text: string, width: number, column: Column | undefined): string {
  const short = text.length > width ? `${text.slice(0, width - 1)}…` : text;
  return column?.align === "right" ? short.padStart(width) : short.padEnd(width);
}

function percent(share: number | undefined, digits: number): string {
  return share === undefined ? NONE : `${(share * 100).toFixed(digits)}%`;
}

function rate(perSecond: number): string {
  if (perSecond === 0) return NONE;
  return perSecond < 100 ? perSecond.toFixed(1) : perSecond.toFixed(0);
}

function duration(ms: number | undefined): string {
  if (ms === undefined) return NONE;
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}

/** Filled as far as measured; the mark stands where it was wanted. */
function bar(measured: number | undefined, wanted: number | undefined): string {
  if (measured === undefined) return "";
  const filled = Math.round(measured * BAR_CELLS);
  const cells = [..."█".repeat(filled), ..."░".repeat(Math.max(0, BAR_CELLS - filled))];
  if (wanted !== undefined) cells[Math.min(BAR_CELLS - 1, Math.round(wanted * BAR_CELLS))] = "│";
  return cells.join("");
}

const DRIFT_SMALL = 0.03;
const DRIFT_LARGE = 0.1;

function drift(row: TableRow): Paint | undefined {
  if (row.wanted === undefined || row.measured === undefined) return undefined;
  const distance = Math.abs(row.wanted - row.measured);
  if (distance < DRIFT_SMALL) return "green";
  return distance < DRIFT_LARGE ? "yellow" : "red";
}

function health(row: TableRow): Paint | undefined {
  if (row.success === undefined) return undefined;
  if (row.success >= 0.999) return "green";
  return row.success >= 0.95 ? "yellow" : "red";
}
