/** One metric of a table. A counter or gauge takes one cell, a histogram one a bucket and a sum. */
export type Column = ScalarColumn | HistogramColumn;

/**
 * How the numbers of several threads become one. `max`: what each of them says of the same thing,
 * as the number of a cluster's hosts; adding that up would count it once a thread.
 */
export type Merge = "sum" | "max";

export interface ScalarColumn {
  readonly kind: "counter" | "gauge";
  readonly merge: Merge;
  /** Prometheus name of the family. */
  readonly name: string;
  readonly help: string;
  /** The last part of Envoy's dotted statistic; empty where Envoy has none. */
  readonly stat: string;
}

export interface HistogramColumn {
  readonly kind: "histogram";
  readonly name: string;
  readonly help: string;
  readonly stat: string;
  /** Upper bounds, rising, without +Inf. */
  readonly bounds: readonly number[];
}

/**
 * Envoy's and Istio's default bounds, for milliseconds and for bytes
 * (Envoy: source/common/stats/histogram_impl.cc).
 */
export const ENVOY_BOUNDS: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000,
  1_800_000, 3_600_000,
];

export function counter(name: string, help: string, stat = "", merge: Merge = "sum"): ScalarColumn {
  return { kind: "counter", merge, name, help, stat };
}

export function gauge(name: string, help: string, stat = "", merge: Merge = "sum"): ScalarColumn {
  return { kind: "gauge", merge, name, help, stat };
}

export function histogram(
  name: string,
  help: string,
  stat = "",
  bounds: readonly number[] = ENVOY_BOUNDS,
): HistogramColumn {
  return { kind: "histogram", name, help, stat, bounds };
}

/** How many cells a column takes in each row. */
export function cellsOf(column: Column): number {
  return column.kind === "histogram" ? column.bounds.length + 2 : 1;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

/** Throws a RangeError for a name or bounds that the text format could not carry. */
export function checkColumn(column: Column): void {
  if (!NAME.test(column.name)) throw new RangeError(`metric name ${JSON.stringify(column.name)}`);
  if (column.kind !== "histogram") return;
  const rising = column.bounds.every((bound, i) => i === 0 || bound > (column.bounds[i - 1] ?? 0));
  if (!rising) throw new RangeError(`bounds of ${column.name} do not rise`);
}
