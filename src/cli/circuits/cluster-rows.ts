import type { Sample } from "./samples.ts";

/** What one proxy has done to protect one cluster; clusters where it did nothing have no row. */
export interface ClusterRow {
  readonly pod: string;
  readonly cluster: string;
  /** Endpoints: of how many so many are well. */
  readonly healthy: number;
  readonly endpoints: number;
  /** Endpoints that are left out now, for their answers. */
  readonly ejected: number;
  /** Ejections since the proxy began. */
  readonly ejections: number;
  /** Requests and connections that its limits refused. */
  readonly overflows: number;
  readonly retries: number;
  /** Retries that a budget or a limit did not allow. */
  readonly retriesRefused: number;
  /** Retries that may begin now. */
  readonly retriesLeft: number | undefined;
}

type Counted = Exclude<keyof ClusterRow, "pod" | "cluster">;

/** Which statistic counts what; several are added up. */
const STATISTICS: Readonly<Record<string, Counted>> = {
  envoy_cluster_membership_healthy: "healthy",
  envoy_cluster_membership_total: "endpoints",
  envoy_cluster_outlier_detection_ejections_active: "ejected",
  outrigger_accrual_shut_endpoints: "ejected",
  envoy_cluster_outlier_detection_ejections_enforced_total: "ejections",
  envoy_cluster_upstream_cx_overflow: "overflows",
  envoy_cluster_upstream_rq_pending_overflow: "overflows",
  envoy_cluster_upstream_rq_retry: "retries",
  envoy_cluster_upstream_rq_retry_overflow: "retriesRefused",
  envoy_cluster_circuit_breakers_default_remaining_retries: "retriesLeft",
};

/** The families that rows are made of. */
export const CLUSTER_FAMILIES: readonly string[] = Object.keys(STATISTICS);

/** What makes a cluster worth a row. */
const EVENTFUL: readonly Counted[] = ["ejected", "ejections", "overflows", "retries"];

export function clusterRows(pod: string, samples: readonly Sample[]): readonly ClusterRow[] {
  const byCluster = new Map<string, Partial<Record<Counted, number>>>();
  for (const { name, labels, value } of samples) {
    const counted = STATISTICS[name];
    const cluster = labels.envoy_cluster_name ?? labels.cluster;
    if (counted === undefined || cluster === undefined) continue;
    const counts = byCluster.get(cluster) ?? {};
    counts[counted] = (counts[counted] ?? 0) + value;
    byCluster.set(cluster, counts);
  }
  return [...byCluster]
    .filter(([, counts]) => EVENTFUL.some((event) => (counts[event] ?? 0) > 0))
    .map(([cluster, counts]) => rowOf(pod, cluster, counts));
}

function rowOf(pod: string, cluster: string, counts: Partial<Record<Counted, number>>): ClusterRow {
  return {
    pod,
    cluster,
    healthy: counts.healthy ?? 0,
    endpoints: counts.endpoints ?? 0,
    ejected: counts.ejected ?? 0,
    ejections: counts.ejections ?? 0,
    overflows: counts.overflows ?? 0,
    retries: counts.retries ?? 0,
    retriesRefused: counts.retriesRefused ?? 0,
    retriesLeft: counts.retriesLeft,
  };
}
