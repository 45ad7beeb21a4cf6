import type { Column, HistogramColumn } from "./column.ts";
import { escapeHelp } from "./label.ts";
import type { Registry } from "./registry.ts";
import type { Row } from "./row.ts";
import { statNameOf, type Table } from "./table.ts";

/** `Content-Type` of what `renderPrometheus` yields. */
export const PROMETHEUS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** A slice ends after either: well under 5 ms of work. */
const SLICE_ROWS = 200;
const SLICE_CHARS = 64 * 1024;

export interface RenderOptions {
  /** Keep only what passes, by `statNameOf`. */
  readonly accept?: (statName: string) => boolean;
  /** Leave out what has never been counted (Envoy's `usedonly`). */
  readonly usedOnly?: boolean;
  /** Rows to look at in one slice; fewer where `accept` is costly. */
  readonly sliceRows?: number;
}

/**
 * All metrics in Prometheus' text format 0.0.4, in slices: the caller lets other work run between
 * them. Families and rows keep their order from scrape to scrape. Rows added while a scrape is
 * under way wait for the next one.
 */
export function* renderPrometheus(
  registry: Registry,
  options: RenderOptions = {},
): Generator<string> {
  const sliceRows = options.sliceRows ?? SLICE_ROWS;
  let text = "";
  let rows = 0;
  for (const table of registry.collect()) {
    const snapshot = table.snapshot();
    for (let i = 0; i < table.columns.length; i++) {
      const column = table.columns[i] as Column;
      let head = headOf(column);
      for (const row of snapshot) {
        const shown = row.live && (options.accept?.(statNameOf(table, column, row)) ?? true);
        const lines = shown ? formatRow(table, i, row, options.usedOnly === true) : "";
        if (lines !== "") {
          text += head + lines;
          head = "";
        }
        rows++;
        if (rows < sliceRows && text.length < SLICE_CHARS) continue;
        yield text;
        text = "";
        rows = 0;
      }
    }
  }
  if (text !== "") yield text;
}

/** A number as the text format writes it. */
export function formatValue(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return String(value);
}

function headOf(column: Column): string {
  return `# HELP ${column.name} ${escapeHelp(column.help)}\n# TYPE ${column.name} ${column.kind}\n`;
}

function formatRow(table: Table, index: number, row: Row, usedOnly: boolean): string {
  const column = table.columns[index] as Column;
  const offset = table.offsets[index] ?? 0;
  if (column.kind === "histogram") return formatHistogram(table, column, offset, row, usedOnly);
  const value = table.value(row, offset);
  if (usedOnly && value === 0) return "";
  return `${column.name}${row.labels === "" ? "" : `{${row.labels}}`} ${formatValue(value)}\n`;
}

function formatHistogram(
  table: Table,
  column: HistogramColumn,
  offset: number,
  row: Row,
  usedOnly: boolean,
): string {
  const { name, bounds } = column;
  const before = row.labels === "" ? "{" : `{${row.labels},`;
  let count = 0;
  let text = "";
  for (let i = 0; i < bounds.length; i++) {
    count += table.value(row, offset + i);
    text += `${name}_bucket${before}le="${bounds[i]}"} ${count}\n`;
  }
  count += table.value(row, offset + bounds.length);
  if (usedOnly && count === 0) return "";
  const labels = row.labels === "" ? "" : `{${row.labels}}`;
  const sum = formatValue(table.value(row, offset + bounds.length + 1));
  text += `${name}_bucket${before}le="+Inf"} ${count}\n`;
  return `${text}${name}_sum${labels} ${sum}\n${name}_count${labels} ${count}\n`;
}
