import type { Column } from "../../../metrics/column.ts";
import type { Registry } from "../../../metrics/registry.ts";
import type { Table } from "../../../metrics/table.ts";
import { MAGLEV, RING_HASH } from "./balance/hashing-stats.ts";
import { OUTLIER, type OutlierTables, transitionsTable } from "./balance/outlier-stats.ts";
import { CLUSTER, CLUSTER_HTTP2, REMAINING } from "./cluster-columns.ts";
import { envoyColumn, statSegment } from "./columns.ts";
import { HEALTH_CHECK } from "./health-check-stats.ts";

/** More clusters than these share one row. */
const CLUSTERS_MAX = 20_000;
const LABEL = "envoy_cluster_name";

/** Statistics that Envoy keeps once for all requests and once by where they came from. */
export interface OriginTables {
  /** `upstream_rq_completed`, and `upstream_rq_time` where there is one. */
  readonly totals: Table;
  readonly codes: Table;
  readonly classes: Table;
}

export interface ClusterTables {
  readonly cluster: Table;
  readonly http2: Table;
  readonly remaining: Table;
  readonly healthCheck: Table;
  readonly ringHash: Table;
  readonly maglev: Table;
  readonly outliers: OutlierTables;
  readonly codes: Table;
  readonly classes: Table;
  readonly internal: OriginTables;
  readonly external: OriginTables;
  readonly retry: OriginTables;
}

export function clusterTables(registry: Registry): ClusterTables {
  return {
    cluster: totalsTable(registry, "cluster", CLUSTER.columns),
    http2: totalsTable(registry, "cluster_http2", CLUSTER_HTTP2.columns),
    remaining: totalsTable(registry, "cluster_remaining", REMAINING.columns),
    healthCheck: totalsTable(registry, "cluster_health_check", HEALTH_CHECK.columns),
    ringHash: totalsTable(registry, "cluster_ring_hash", RING_HASH.columns),
    maglev: totalsTable(registry, "cluster_maglev", MAGLEV.columns),
    outliers: {
      outlier: totalsTable(registry, "cluster_outlier", OUTLIER.columns),
      transitions: transitionsTable(registry, CLUSTERS_MAX),
    },
    codes: codesTable(registry, ""),
    classes: classesTable(registry, ""),
    internal: originTables(registry, "internal.", true),
    external: originTables(registry, "external.", true),
    retry: originTables(registry, "retry.", false),
  };
}

function originTables(registry: Registry, origin: string, timed: boolean): OriginTables {
  const columns = [
    envoyColumn("counter", "cluster", `${origin}upstream_rq_completed`, "Responses."),
  ];
  const time = `${origin}upstream_rq_time`;
  if (timed) columns.push(envoyColumn("histogram", "cluster", time, "Response time in ms."));
  return {
    totals: totalsTable(registry, `cluster_${origin.slice(0, -1)}`, columns),
    codes: codesTable(registry, origin),
    classes: classesTable(registry, origin),
  };
}

function totalsTable(registry: Registry, name: string, columns: readonly Column[]): Table {
  return registry.table({
    name,
    columns,
    labelNames: [LABEL],
    rowsMax: CLUSTERS_MAX,
    statName: (column, [cluster = ""]) => `cluster.${statSegment(cluster)}.${column.stat}`,
  });
}

function codesTable(registry: Registry, origin: string): Table {
  const stat = `${origin}upstream_rq`;
  return registry.table({
    name: `cluster_${stat.replace(".", "_")}`,
    columns: [envoyColumn("counter", "cluster", stat, "Responses by code.")],
    labelNames: ["envoy_response_code", LABEL],
    rowsMax: CLUSTERS_MAX,
    statName: (_, [code = "", cluster = ""]) => `cluster.${statSegment(cluster)}.${stat}_${code}`,
  });
}

function classesTable(registry: Registry, origin: string): Table {
  const stat = `${origin}upstream_rq`;
  return registry.table({
    name: `cluster_${stat.replace(".", "_")}_xx`,
    columns: [envoyColumn("counter", "cluster", `${stat}_xx`, "Responses by class.")],
    labelNames: ["envoy_response_code_class", LABEL],
    rowsMax: CLUSTERS_MAX,
    statName: (_, [kind = "", cluster = ""]) => `cluster.${statSegment(cluster)}.${stat}_${kind}xx`,
  });
}
