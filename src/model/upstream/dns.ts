import type { SocketAddress } from "../address.ts";

/**
 * Envoy: cluster.v3.Cluster.DnsLookupFamily. `auto`: IPv6, and IPv4 only where there is none;
 * `v4Preferred`: the other way round.
 */
export type DnsFamily = "auto" | "v4Only" | "v6Only" | "v4Preferred" | "all";

/** How the names of a DNS cluster are asked for (Envoy: cluster.v3.Cluster). */
export interface DnsOptions {
  readonly family: DnsFamily;
  /** How often to ask again; Envoy's default 5000. */
  readonly refreshRateMs: number;
  /** After failures: the base, doubled each time up to the maximum; undefined: the refresh rate. */
  readonly failureRefresh: { readonly baseMs: number; readonly maxMs: number } | undefined;
  /** Ask again when the answer's time to live is over, instead of at the refresh rate. */
  readonly respectTtl: boolean;
  /** Empty: this machine's own. */
  readonly resolvers: readonly SocketAddress[];
}

/** Envoy's defaults. */
export const DNS_DEFAULTS: DnsOptions = {
  family: "auto",
  refreshRateMs: 5000,
  failureRefresh: undefined,
  respectTtl: false,
  resolvers: [],
};
