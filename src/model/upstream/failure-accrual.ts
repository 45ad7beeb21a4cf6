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
  /** A penalty lasts at least as long as the answer's Retry-After asks. */
  readonly honorRetryAfter: boolean;
}

/** Part of `unified`: too small a share of successes within a window. */
export interface SuccessRateAccrual {
  /** 0..1; 0: it does not count. Linkerd's default 0.8. */
  readonly threshold: number;
  /** Linkerd's default 10000. */
  readonly windowMs: number;
  /** Fewer requests in the window are not judged. Linkerd's default 5. */
  readonly minRequests: number;
}
