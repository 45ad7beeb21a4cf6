import type { Outcome } from "../breaker.ts";

/** Decides when a closed circuit opens. It hears of nothing else than calls of a closed one. */
export interface Strategy {
  /** Counts what became of a call. True: there is reason to open, also where it is an old one. */
  record(outcome: Outcome, now: number): boolean;
  /** Whether `isDue` may ever say so. */
  readonly waits: boolean;
  /** Asked before a call is let through, for what comes due with time alone. */
  isDue(now: number): boolean;
  /** Calls that it judges by, and those of them that failed; 0 where it judges by no window. */
  requests(now: number): number;
  errors(now: number): number;
  /** The circuit closes again, and starts anew. */
  reset(): void;
}

/** When a circuit opens. */
export type StrategyOptions =
  | ErrorPercentageOptions
  | ConsecutiveOptions
  | RatioOptions
  | UnifiedOptions;

/** Calls of a rolling window: reached is enough, for both thresholds (Hystrix). */
export interface ErrorPercentageOptions {
  readonly kind: "errorPercentage";
  readonly durationMs: number;
  readonly buckets: number;
  /** Fewer calls in the window are not judged. */
  readonly requestVolume: number;
  /** 0..100; the share of errors is cut to a whole number before it is compared. */
  readonly errorPercentage: number;
  /**
   * Judge so often, as Hystrix's health snapshots, which Hystrix takes every 500 ms; 0: judge
   * after every call.
   */
  readonly snapshotMs: number;
}

/** So many failures in a row. */
export interface ConsecutiveOptions {
  readonly kind: "consecutive";
  readonly failures: number;
}

/** A share of failures in a rolling window, not rounded; reached is enough. */
export interface RatioOptions {
  readonly kind: "ratio";
  readonly durationMs: number;
  readonly buckets: number;
  readonly minRequests: number;
  /** 0..1. */
  readonly failureRatio: number;
}

/**
 * Linkerd's `unified`: so many failures in a row, or too small a share of successes among the calls
 * of a window. Throttled calls spoil the share, and are no failures in a row.
 * Source: linkerd2-proxy, `linkerd/app/outbound/src/http/breaker`.
 */
export interface UnifiedOptions {
  readonly kind: "unified";
  /** 0: they do not count. */
  readonly maxFailures: number;
  /** 0..1, less opens; 0: it does not count. */
  readonly successRate: number;
  readonly durationMs: number;
  /** Linkerd's are 10. */
  readonly buckets: number;
  readonly minRequests: number;
}
