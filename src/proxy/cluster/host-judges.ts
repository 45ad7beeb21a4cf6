import { AccrualJudge } from "../accrual/accrual-judge.ts";
import type { HostJudge } from "./host-monitor.ts";
import type { UpstreamCluster } from "./upstream-cluster.ts";

/** Those that judge the hosts of a cluster, as its configuration asks. */
export function judgesOf(cluster: UpstreamCluster): readonly HostJudge[] {
  const { config, context, stats } = cluster;
  const { failureAccrual } = config;
  if (failureAccrual === undefined) return [];
  const listener = { onShut: () => cluster.renewBalance() };
  const counted = context.telemetry.accrual(stats.name);
  return [new AccrualJudge(failureAccrual, context, counted, listener)];
}
