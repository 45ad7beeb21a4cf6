import type { TcpProxy } from "../../model/listener.ts";
import type { ClusterSlot } from "../cluster/cluster-slot.ts";
import type { ProxyContext } from "../cluster/upstream-cluster.ts";
import type { TcpStats } from "../telemetry/envoy/tcp-stats.ts";

/** A TCP proxy filter at work. */
export interface CompiledTcpProxy {
  readonly config: TcpProxy;
  readonly context: ProxyContext;
  readonly stats: TcpStats;
  /** Weights add up: `upTo` of the last is the sum. */
  readonly targets: readonly { readonly slot: ClusterSlot; readonly upTo: number }[];
}
