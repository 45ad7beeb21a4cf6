import type { TcpProxy } from "../../model/listener.ts";
import type { ClusterSlot } from "../cluster/cluster-slot.ts";
import type { ProxyContext, UpstreamCluster } from "../cluster/upstream-cluster.ts";
import type { ConnectionRbac } from "../filters/rbac/network-rbac.ts";
import type { TokenBucket } from "../limits/token-bucket.ts";
import type { AccessLogger } from "../telemetry/access-log/logger.ts";
import type { ConnectionLimitStats } from "../telemetry/envoy/filter/connection-limit-stats.ts";
import type { TcpStats } from "../telemetry/envoy/tcp-stats.ts";

/** How many connections are taken, by all threads together. */
export interface CompiledConnectionLimit {
  readonly bucket: TokenBucket;
  readonly stats: ConnectionLimitStats;
}

/** A TCP proxy filter at work. */
export interface CompiledTcpProxy {
  readonly config: TcpProxy;
  readonly context: ProxyContext;
  /** The filter chain's, as the configuration has it. */
  readonly chainName: string;
  readonly stats: TcpStats;
  /** Undefined: every connection is taken. */
  readonly limit: CompiledConnectionLimit | undefined;
  /** Asked one after the other who may connect; most have none. */
  readonly rbac: readonly ConnectionRbac[];
  readonly logs: readonly AccessLogger[];
  /** Weights add up: `upTo` of the last is the sum. */
  readonly targets: readonly { readonly slot: ClusterSlot; readonly upTo: number }[];
}

/** The cluster for one attempt, by chance where there are several; undefined: it is not there. */
export function drawCluster({ context, targets }: CompiledTcpProxy): UpstreamCluster | undefined {
  const total = targets.at(-1)?.upTo ?? 0;
  const draw = targets.length > 1 ? context.random.below(total) : 0;
  for (let i = 0; i < targets.length; i++) {
    const target = targets[i];
    if (target !== undefined && draw < target.upTo) return target.slot.cluster;
  }
  return undefined;
}
