/**
 * Linkerd's circuit breaking of single endpoints: one that fails gets nothing until its penalty is
 * over, then one request on probation. Envoy has nothing like it; it travels to our own proxies as
 * filter metadata `outrigger.failure_accrual` of the cluster.
 * Source: linkerd2-proxy, `linkerd/app/outbound/src/http/breaker`.
 */
export interface FailureAccrual {
  /** Failures in a row; 0: they do not count. Linkerd's default 7. */
  readonly maxFailures: number;
  /** Undefined: failures in a row alone (`consecutive`). */
  readonly successRate: SuccessRateAccrual | undefined;
  /** The first penalty; doubled from one to the next. Linkerd's default 1000. */
  readonly minPenaltyMs: number;
  /** Linkerd's default 60000. */
  readonly maxPenaltyMs: number;
  /** Added: a random share of the penalty up to this; 0..100, Linkerd's default 0.5. */
  readonly jitterRatio: number;
  /** A penalty lasts at least as long as the answer's Retry-After asks, up to `maxPenaltyMs`. */
  readonly honorRetryAfter: boolean;
}

/** Linkerd's `consecutive`. */
export const ACCRUAL_DEFAULTS: FailureAccrual = {
  maxFailures: 7,
  successRate: undefined,
  minPenaltyMs: 1000,
  maxPenaltyMs: 60_000,
  jitterRatio: 0.5,
  honorRetryAfter: false,
};

/** Linkerd's, where it has any; the longest time is of timers, 24 days. Both ends are allowed. */
export const ACCRUAL_BOUNDS = {
  maxFailures: { min: 0, max: 4_294_967_295 },
  penaltyMs: { min: 1, max: 2_147_483_647 },
  jitterRatio: { min: 0, max: 100 },
  threshold: { min: 0, max: 1 },
  windowMs: { min: 10, max: 2_147_483_647 },
  minRequests: { min: 0, max: 1_000_000 },
} as const;

/** Part of `unified`: too small a share of successes within a window. */
export interface SuccessRateAccrual {
  /** 0..1; 0: it does not count. Linkerd's default 0.8. */
  readonly threshold: number;
  /** Linkerd's default 10000. */
  readonly windowMs: number;
  /** Fewer requests in the window are not judged. Linkerd's default 5. */
  readonly minRequests: number;
}
