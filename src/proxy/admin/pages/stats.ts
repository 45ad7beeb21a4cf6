import { RE2JS } from "re2js";
import type { Column, HistogramColumn } from "../../../metrics/column.ts";
import { QUANTILES, quantileOf } from "../../../metrics/quantile.ts";
import type { Registry } from "../../../metrics/registry.ts";
import type { Row } from "../../../metrics/row.ts";
import { statNameOf, type Table } from "../../../metrics/table.ts";
import {
  PROMETHEUS_CONTENT_TYPE,
  type RenderOptions,
  renderPrometheus,
} from "../../../metrics/text-format.ts";
import { type Answer, JSON_TYPE, slices, TEXT, text } from "../answer.ts";

const USAGE = "usage: /stats?format=(json|prometheus|text)\n\n";
/** Instructions of a compiled filter: more would make a slice of names long. */
const PROGRAM_MAX = 1000;
const SLICE_ROWS = 200;
/** Matching a name costs more than printing it. */
const FILTERED_SLICE_ROWS = 20;

/** `/stats`: `name: value` lines, `format=json` or `format=prometheus`. */
export function statsPage(registry: Registry, query: URLSearchParams): Answer {
  const options = optionsOf(query);
  if (typeof options === "string") return text(options, 400);
  switch (query.get("format") ?? "text") {
    case "text":
      return slices(TEXT, statsText(registry, options));
    case "json":
      return slices(JSON_TYPE, statsJson(registry, options));
    case "prometheus":
      return slices(PROMETHEUS_CONTENT_TYPE, renderPrometheus(registry, options));
    default:
      return text(USAGE, 400);
  }
}

/** `/stats/prometheus`, with the same `filter` and `usedonly`. */
export function prometheusPage(registry: Registry, query: URLSearchParams): Answer {
  const options = optionsOf(query);
  if (typeof options === "string") return text(options, 400);
  return slices(PROMETHEUS_CONTENT_TYPE, renderPrometheus(registry, options));
}

/** The filter is RE2, found anywhere in a statistic's name; a text says why it is refused. */
function optionsOf(query: URLSearchParams): RenderOptions | string {
  const usedOnly = query.has("usedonly");
  const filter = query.get("filter") ?? "";
  if (filter === "") return { usedOnly };
  try {
    const regex = RE2JS.compile(filter);
    if (regex.programSize() > PROGRAM_MAX) return "The filter is too complex.\n";
    return { usedOnly, accept: (name) => regex.test(name), sliceRows: FILTERED_SLICE_ROWS };
  } catch (error) {
    return `Invalid re2 regex: ${error instanceof Error ? error.message : String(error)}\n`;
  }
}

interface Stat {
  readonly name: string;
  readonly table: Table;
  readonly column: Column;
  readonly row: Row;
  readonly offset: number;
}

function* statsText(registry: Registry, options: RenderOptions): Generator<string> {
  for (const stats of statSlices(registry, options, false)) {
    yield stats
      .map(({ name, table, row, offset }) => `${name}: ${table.value(row, offset)}\n`)
      .join("");
  }
  for (const stats of statSlices(registry, options, true)) {
    yield stats.map((stat) => `${stat.name}: ${summaryOf(stat)}\n`).join("");
  }
}

/** Intervals are not kept apart: Envoy's first number of each pair is always missing. */
function summaryOf(stat: Stat): string {
  if (countOf(stat.table, stat.column, stat.row, stat.offset) === 0) return "No recorded values";
  return quantilesOf(stat)
    .map((value, i) => `P${QUANTILES[i]}(nan,${value})`)
    .join(" ");
}

function* statsJson(registry: Registry, options: RenderOptions): Generator<string> {
  let separator = '{"stats":[';
  for (const stats of statSlices(registry, options, false)) {
    const items = stats.map(({ name, table, row, offset }) => ({
      name,
      value: table.value(row, offset),
    }));
    yield items.length === 0 ? "" : separator + innerJson(items);
    if (items.length > 0) separator = ",";
  }
  const quantiles = JSON.stringify(QUANTILES);
  const head = `{"histograms":{"supported_quantiles":${quantiles},"computed_quantiles":[`;
  yield separator + head;
  separator = "";
  for (const stats of statSlices(registry, options, true)) {
    const items = stats.map((stat) => ({ name: stat.name, values: valuesOf(stat) }));
    yield items.length === 0 ? "" : separator + innerJson(items);
    if (items.length > 0) separator = ",";
  }
  yield "]}}]}";
}

function valuesOf(stat: Stat): { interval: null; cumulative: number | null }[] {
  return quantilesOf(stat).map((value) => ({
    interval: null,
    cumulative: Number.isNaN(value) ? null : value,
  }));
}

function innerJson(items: readonly unknown[]): string {
  return JSON.stringify(items).slice(1, -1);
}

function quantilesOf({ table, column, row, offset }: Stat): number[] {
  const { bounds } = column as HistogramColumn;
  const counts = Array.from({ length: bounds.length + 1 }, (_, i) => table.value(row, offset + i));
  return QUANTILES.map((percent) => Number(quantileOf(percent, bounds, counts).toPrecision(6)));
}

/** All histograms, or everything else, in slices of so many rows looked at. */
function* statSlices(
  registry: Registry,
  options: RenderOptions,
  histograms: boolean,
): Generator<Stat[]> {
  const sliceRows = options.sliceRows ?? SLICE_ROWS;
  let slice: Stat[] = [];
  let looked = 0;
  for (const table of registry.collect()) {
    const rows = table.snapshot();
    for (const [i, column] of table.columns.entries()) {
      if ((column.kind === "histogram") !== histograms) continue;
      for (const row of rows) {
        const stat = statOf(table, column, row, table.offsets[i] ?? 0, options);
        if (stat !== undefined) slice.push(stat);
        if (++looked % sliceRows !== 0) continue;
        yield slice;
        slice = [];
      }
    }
  }
  if (slice.length > 0) yield slice;
}

function statOf(
  table: Table,
  column: Column,
  row: Row,
  offset: number,
  options: RenderOptions,
): Stat | undefined {
  if (!row.live) return undefined;
  if (options.usedOnly === true && countOf(table, column, row, offset) === 0) return undefined;
  const name = statNameOf(table, column, row);
  if (options.accept?.(name) === false) return undefined;
  return { name, table, column, row, offset };
}

/** What has been counted: a value, or how many were observed. */
function countOf(table: Table, column: Column, row: Row, offset: number): number {
  if (column.kind !== "histogram") return table.value(row, offset);
  let count = 0;
  for (let i = 0; i <= column.bounds.length; i++) count += table.value(row, offset + i);
  return count;
}
