import { AccrualJudge } from "../accrual/accrual-judge.ts";
import { FailureBiasJudge } from "../balance/failure-bias.ts";
import type { HostJudge } from "./host-monitor.ts";
import type { UpstreamCluster } from "./upstream-cluster.ts";

/** Those that judge the hosts of a cluster, as its configuration asks. */
export function judgesOf(cluster: UpstreamCluster): readonly HostJudge[] {
  const { config, context, stats } = cluster;
  const { failureAccrual, outlierDetection } = config;
  const judges: HostJudge[] = [];
  if (outlierDetection !== undefined) judges.push(context.outliersOf(cluster, outlierDetection));
  const { failurePenalty } = config.balancing.peakEwma;
  if (failurePenalty !== undefined) {
    judges.push(new FailureBiasJudge(failurePenalty, context.clock));
  }
  if (failureAccrual === undefined) return judges;
  const listener = { onShut: () => cluster.renewBalance() };
  const counted = context.telemetry.accrual(stats.name);
  const memory = context.accrualOf?.(cluster.name);
  return [...judges, new AccrualJudge(failureAccrual, context, counted, listener, memory)];
}
