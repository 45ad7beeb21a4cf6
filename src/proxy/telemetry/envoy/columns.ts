import {
  type Column,
  cellsOf,
  counter,
  gauge,
  histogram,
  type Merge,
} from "../../../metrics/column.ts";

type Kind = "counter" | "gauge" | "histogram";

/**
 * Statistics of one kind of thing: Envoy's dotted short name → what it is, what it says, and how
 * workers' numbers become one (left out: they add up).
 */
export type StatDefinitions<S extends string> = Readonly<
  Record<S, readonly [Kind, string] | readonly [Kind, string, Merge]>
>;

export interface ColumnSet<S extends string> {
  readonly columns: readonly Column[];
  /** Where each statistic starts in a row's cells. */
  readonly at: Readonly<Record<S, number>>;
}

/**
 * Columns named as Envoy names them: the statistic `cluster.NAME.upstream_rq_total` is
 * `envoy_cluster_upstream_rq_total{envoy_cluster_name="NAME"}` to Prometheus.
 */
export function envoyColumns<S extends string>(
  kind: string,
  definitions: StatDefinitions<S>,
): ColumnSet<S> {
  const columns: Column[] = [];
  const at: Partial<Record<S, number>> = {};
  let offset = 0;
  for (const stat of Object.keys(definitions) as S[]) {
    const [type, help, merge] = definitions[stat];
    const column = envoyColumn(type, kind, stat, help, merge);
    columns.push(column);
    at[stat] = offset;
    offset += cellsOf(column);
  }
  return { columns, at: at as Record<S, number> };
}

export function envoyColumn(
  type: Kind,
  kind: string,
  stat: string,
  help: string,
  merge?: Merge,
): Column {
  const name = `envoy_${kind}_${stat}`.replaceAll(/[^a-zA-Z0-9_]/g, "_");
  if (type === "histogram") return histogram(name, help, stat);
  return type === "gauge" ? gauge(name, help, stat, merge) : counter(name, help, stat, merge);
}

/** Envoy's rule for names inside statistics: colons separate nothing there. */
export function statSegment(name: string): string {
  return name.replaceAll(":", "_");
}
