import type { HealthStatus } from "../endpoint.ts";

/**
 * Envoy: cluster.v3.Cluster.LbPolicy; `clusterProvided` goes with `originalDst`. `peakEwma` is
 * Linkerd's: the lower of two by peak EWMA of the round-trip time times requests in flight.
 */
export type LbPolicy =
  | "roundRobin"
  | "leastRequest"
  | "random"
  | "ringHash"
  | "maglev"
  | "peakEwma"
  | "clusterProvided";

/** Envoy: Cluster.RingHashLbConfig. */
export interface RingHashOptions {
  /** Entries of the whole ring; Envoy's default 1024, at most 8388608. */
  readonly minimumRingSize: number;
  /** Envoy's default 8388608, which is also the most. */
  readonly maximumRingSize: number;
  readonly hashFunction: "xxHash" | "murmurHash2";
}

/** Our own: Linkerd's PeakEwma. */
export interface PeakEwmaOptions {
  /** What an endpoint without an answer yet is taken to need; 30. */
  readonly defaultRttMs: number;
  /** After this time without answers 1/e of a measure is left; 10000. */
  readonly decayMs: number;
  /** What a failure is taken to need; left out: as long as it took. */
  readonly failurePenalty?: FailurePenalty | undefined;
}

/** Linkerd's load biaser, of endpoints that fail faster than others answer. */
export interface FailurePenalty {
  readonly penaltyMs: number;
  /** It is as long as the answer's Retry-After asks, up to this. */
  readonly maxRetryAfterMs: number;
}

/** Both ends are allowed. */
export const PENALTY_BOUNDS = { min: 1, max: 3_600_000 } as const;

/** Envoy: Cluster.SlowStartConfig: the weight of a new endpoint grows over a window. */
export interface SlowStart {
  /** More than 0. */
  readonly windowMs: number;
  /** 1 grows in a line; more grows sooner. Default 1. */
  readonly aggression: number;
  /** 0..100; default 10. */
  readonly minWeightPercent: number;
}

/** What a policy is told beside its name; what the cluster's does not read is the default. */
export interface BalancingOptions {
  readonly ringHash: RingHashOptions;
  /** MAGLEV: entries of the table, a prime below 5000012; Envoy's default 65537. */
  readonly maglevTableSize: number;
  /**
   * RING_HASH and MAGLEV: the most requests in flight of an endpoint, in percent of the average,
   * at least 100 (Envoy: `hash_balance_factor`); 0: any number.
   */
  readonly hashBalanceFactor: number;
  /** RING_HASH and MAGLEV: endpoints are known by `hostname` instead of by address. */
  readonly useHostnameForHashing: boolean;
  readonly peakEwma: PeakEwmaOptions;
  /** LEAST_REQUEST with unequal weights: weight / (in flight + 1)^bias; Envoy's default 1. */
  readonly activeRequestBias: number;
  /** LEAST_REQUEST: look at every endpoint instead of drawing (Envoy: FULL_SCAN). */
  readonly fullScan: boolean;
  /** ROUND_ROBIN and LEAST_REQUEST. */
  readonly slowStart: SlowStart | undefined;
  /** Choose a locality by weight first (Envoy: `locality_weighted_lb_config`). */
  readonly localityWeighted: boolean;
  /** Which endpoints a session may keep to (Envoy: `override_host_status`). */
  readonly sessionStatuses: readonly HealthStatus[];
}

/** Envoy's own defaults, and Linkerd's for PEAK_EWMA. */
export const ENVOY_BALANCING: BalancingOptions = {
  ringHash: { minimumRingSize: 1024, maximumRingSize: 8_388_608, hashFunction: "xxHash" },
  maglevTableSize: 65_537,
  hashBalanceFactor: 0,
  useHostnameForHashing: false,
  peakEwma: { defaultRttMs: 30, decayMs: 10_000 },
  activeRequestBias: 1,
  fullScan: false,
  slowStart: undefined,
  localityWeighted: false,
  sessionStatuses: ["healthy", "degraded"],
};
