import type { CircuitState } from "../breaker.ts";
import type { StrategyOptions } from "../strategy/strategy.ts";

export interface CircuitOptions {
  readonly strategy: StrategyOptions;
  /** How long it stays open before calls are tried again. */
  readonly sleepMs: number;
  /** Undefined: it sleeps as long each time, as Hystrix does. */
  readonly backoff: Backoff | undefined;
  /** So many calls are let through then; all must succeed to close it. 1..4095. */
  readonly probes: number;
  /** A probe that has not been answered after this has failed: nothing stays half-open for ever. */
  readonly probeTimeoutMs: number;
  /** After a probe that is `ignored`: another one, or open as after a failure (Hystrix). */
  readonly ignoredProbe: "another" | "open";
}

/** How sleep grows while a circuit opens again and again without having closed. */
export interface Backoff {
  /** Each sleep is so many times the last; at least 1. */
  readonly factor: number;
  /** Without the jitter. */
  readonly maxMs: number;
  /** Added: a random share of the sleep up to this; 0: none. */
  readonly jitterRatio: number;
}

/** Hears of changes that this thread made; of the others' tell the counts. */
export interface CircuitListener {
  /** `at`: of the clock that calls are timed with; `brokenForMs`: since it was last closed. */
  onTransition(from: CircuitState, to: CircuitState, at: number, brokenForMs: number): void;
}
