import type { HostJudge } from "./host-monitor.ts";
import type { UpstreamCluster } from "./upstream-cluster.ts";

/** Those that judge the hosts of a cluster, as its configuration asks. */
export function judgesOf(_cluster: UpstreamCluster): readonly HostJudge[] {
  return [];
}
