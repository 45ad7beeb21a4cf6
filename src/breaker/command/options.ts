import type { CircuitState, Outcome } from "../breaker.ts";
import type { Backoff } from "../circuit/options.ts";
import type { Chance, Clock } from "../clock.ts";
import type { StrategyOptions } from "../strategy/strategy.ts";
import type { CircuitRecord } from "./circuit-record.ts";

/** What an error of the guarded function counts as. `ignored`: the caller's fault. */
export type ErrorOutcome = Exclude<Outcome, "success">;

/**
 * What a circuit is told. Names and defaults are those of Hystrix's command properties without
 * their path (`circuitBreaker.`, `execution.isolation.semaphore.`, …); `hystrixProperties` reads
 * them with it. What Hystrix does not have has names of its own.
 */
export interface CommandOptions {
  /** Hystrix's command key: in metrics and errors. Default: the function's name. */
  readonly name?: string;
  /** Hystrix's command group. Default "default". */
  readonly group?: string;

  /** `execution.timeout.enabled`, default true. */
  readonly timeoutEnabled?: boolean;
  /** `execution.isolation.thread.timeoutInMilliseconds`, default 1000. */
  readonly timeoutInMilliseconds?: number;
  /**
   * `execution.isolation.semaphore.maxConcurrentRequests`, default 10. A call holds its place until
   * its work has really ended, also where nobody waits any more.
   */
  readonly maxConcurrentRequests?: number;

  /** `circuitBreaker.enabled`, default true: else it never opens by itself. */
  readonly enabled?: boolean;
  /** `circuitBreaker.requestVolumeThreshold`, default 20. */
  readonly requestVolumeThreshold?: number;
  /** `circuitBreaker.errorThresholdPercentage`, default 50; reached is enough. */
  readonly errorThresholdPercentage?: number;
  /** `circuitBreaker.sleepWindowInMilliseconds`, default 5000. */
  readonly sleepWindowInMilliseconds?: number;
  /** `circuitBreaker.forceOpen`, default false. Counts more than `forceClosed`. */
  readonly forceOpen?: boolean;
  /** `circuitBreaker.forceClosed`, default false. */
  readonly forceClosed?: boolean;

  /** `fallback.enabled`, default true. */
  readonly fallbackEnabled?: boolean;
  /** `fallback.isolation.semaphore.maxConcurrentRequests`, default 10. */
  readonly fallbackMaxConcurrentRequests?: number;

  /** `metrics.rollingStats.timeInMilliseconds` and `.numBuckets`, default 10000 and 10. */
  readonly rollingStatsTimeInMilliseconds?: number;
  readonly rollingStatsNumBuckets?: number;
  /** `metrics.rollingPercentile.timeInMilliseconds` and `.numBuckets`, default 60000 and 6. */
  readonly rollingPercentileTimeInMilliseconds?: number;
  readonly rollingPercentileNumBuckets?: number;
  /**
   * `metrics.healthSnapshot.intervalInMilliseconds`, in Hystrix 500: how often the circuit is
   * judged. Default 0: after every call.
   */
  readonly healthSnapshotIntervalInMilliseconds?: number;

  /** When it opens, instead of `errorThresholdPercentage` of the rolling window. */
  readonly strategy?: StrategyOptions;
  /** Calls that are let through when its sleep is over; all must succeed. Default 1, as Hystrix. */
  readonly halfOpenRequests?: number;
  /**
   * After so long without an answer a probe has failed. Default: the timeout, or the sleep window
   * where there is none; never less than 1.
   */
  readonly probeTimeoutInMilliseconds?: number;
  /**
   * After a probe that was cancelled or a bad request: `open` again as Hystrix does, the default,
   * or let `another` one through.
   */
  readonly ignoredProbe?: "another" | "open";
  /** How the sleep window grows while probes fail. Default: it does not. */
  readonly backoff?: Backoff;
  /** Opens for calls that take too long, whatever comes of them. */
  readonly slowCalls?: SlowCalls;
  /** Errors with a threshold of their own, first match; they do not count towards the other. */
  readonly errorClasses?: readonly ErrorClass[];

  /** Errors that are the caller's fault, beside `BadRequestError`: no fallback, not counted. */
  readonly isBadRequest?: (error: unknown) => boolean;
  /** What other errors count as. Default: failure. What it throws fails the call in its place. */
  readonly classifyError?: (error: unknown) => ErrorOutcome;
  /**
   * What a result counts as. Default: success. Else the fallback answers, and where there is none
   * the result itself.
   */
  readonly classifyResult?: (result: unknown) => Outcome;

  /** What an earlier process exported (`breaker.toJSON()`). */
  readonly state?: CircuitRecord;
  readonly clock?: Clock;
  readonly chance?: Chance;
}

export interface SlowCalls {
  /** A call that takes as long is slow. */
  readonly durationInMilliseconds: number;
  /** 1..100, of the calls in the rolling window; reached is enough. */
  readonly ratePercentage: number;
  /** Default: the circuit's. */
  readonly requestVolumeThreshold?: number;
}

export interface ErrorClass {
  readonly name: string;
  /** One that throws says no. */
  readonly matches: (error: unknown) => boolean;
  /** When such errors open the circuit, of all calls. */
  readonly strategy: StrategyOptions;
}

/** The numbers that a command goes by, as metrics show them. */
export interface CommandSettings {
  readonly timeoutEnabled: boolean;
  readonly timeoutInMilliseconds: number;
  readonly maxConcurrentRequests: number;
  readonly enabled: boolean;
  readonly requestVolumeThreshold: number;
  readonly errorThresholdPercentage: number;
  readonly sleepWindowInMilliseconds: number;
  readonly fallbackEnabled: boolean;
  readonly fallbackMaxConcurrentRequests: number;
  readonly rollingStatsTimeInMilliseconds: number;
  readonly rollingStatsNumBuckets: number;
  readonly rollingPercentileTimeInMilliseconds: number;
  readonly rollingPercentileNumBuckets: number;
  readonly healthSnapshotIntervalInMilliseconds: number;
  readonly halfOpenRequests: number;
  readonly probeTimeoutInMilliseconds: number;
}

/** A change of state, with the time of day. */
export interface TransitionEvent {
  readonly name: string;
  readonly from: CircuitState;
  readonly to: CircuitState;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Since it was last closed; 0 where it was closed until now. */
  readonly brokenForMs: number;
}
