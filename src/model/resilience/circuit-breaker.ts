import type { StatusRange } from "../upstream/health-check.ts";

/**
 * A circuit between a proxy and what it calls, as Hystrix has it: while too many calls fail it is
 * open, and calls are answered at once. It stands at a cluster or at a route (the route's counts
 * where both have one), and travels to our own proxies as filter metadata `outrigger.circuit`.
 */
export interface CircuitBreaker {
  /** `namespace/name` of the policy, as metrics, answers and logs call it. */
  readonly name: string;
  /**
   * Of a route's: the rule that it is of, as `HTTPRoute shop/reviews canary`. Routes of one rule,
   * one for each of its matches, have one circuit. Left out: the route's name says it.
   */
  readonly rule?: string | undefined;
  readonly window: { readonly durationMs: number; readonly buckets: number };
  readonly open: OpenCondition;
  readonly errors: CircuitErrors;
  /** How long it stays open before calls are tried again. */
  readonly sleepMs: number;
  /** So many calls are let through then; all must succeed to close it. At least 1. */
  readonly probes: number;
  /** `mesh`: what one proxy finds out holds for all that have the policy. */
  readonly scope: "caller" | "mesh";
  /** Calls at one time; undefined: any number. */
  readonly maxConcurrent: number | undefined;
  /** What a refused or failed call gets; undefined: 503 for a refused one, else what came. */
  readonly fallback: CircuitFallback | undefined;
  /** Refused calls hear which policy it was: `x-outrigger-circuit`. */
  readonly explains: boolean;
}

export type OpenCondition =
  | {
      readonly kind: "errorPercentage";
      /** Fewer calls in the window are not judged. */
      readonly requestVolume: number;
      /** 1..100; reached is enough. */
      readonly errorPercentage: number;
    }
  | { readonly kind: "consecutiveErrors"; readonly errors: number };

/** What counts as an error, beside connections that fail or break and timeouts. */
export interface CircuitErrors {
  readonly statuses: readonly StatusRange[];
  /** gRPC statuses by number. */
  readonly grpc: readonly number[];
  /** Until the end of the answer; undefined: slowness is no error. */
  readonly slowerThanMs: number | undefined;
}

export type CircuitFallback =
  | {
      readonly kind: "static";
      readonly status: number;
      /** In lower case, as they are sent: without Envoy's `%FORMATTERS%`. */
      readonly headers: readonly { readonly name: string; readonly value: string }[];
      readonly body: string;
    }
  /** The call goes there instead. */
  | { readonly kind: "cluster"; readonly cluster: string }
  /** The last good answer to the same question. */
  | { readonly kind: "lastGood"; readonly maxAgeMs: number; readonly maxBytes: number };
