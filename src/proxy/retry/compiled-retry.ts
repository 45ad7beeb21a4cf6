import type { RateLimitedBackOff, RetryPolicy } from "../../model/route.ts";
import { HeaderMatcher } from "../route/route-matcher.ts";
import { retryOnOf } from "./retry-on.ts";

/** Looking for an untried host takes its time at once; a policy may ask for 2^63 - 1 looks. */
const SELECTIONS_MAX = 1000;

/** A route's retry policy as requests meet it (config.route.v3.RetryPolicy). */
export interface CompiledRetry {
  /** Bits of `retry-on.ts`. */
  readonly on: number;
  readonly statusCodes: readonly number[];
  /** Of responses. */
  readonly headers: readonly HeaderMatcher[];
  /** Of requests: where there are any, one of them has to match. */
  readonly requestHeaders: readonly HeaderMatcher[];
  readonly retriesMax: number;
  /** 0: none; likewise below. */
  readonly perTryTimeoutMs: number;
  readonly perTryIdleTimeoutMs: number;
  readonly backOffBaseMs: number;
  readonly backOffMaxMs: number;
  /** Answers that say themselves when to come again; undefined: they are not asked. */
  readonly rateLimited: RateLimitedBackOff | undefined;
  readonly avoidPreviousHosts: boolean;
  readonly hostSelectionAttempts: number;
}

/** For requests that ask for retries themselves, where the route says nothing (Envoy's own). */
export const NO_RETRIES: CompiledRetry = {
  on: 0,
  statusCodes: [],
  headers: [],
  requestHeaders: [],
  retriesMax: 1,
  perTryTimeoutMs: 0,
  perTryIdleTimeoutMs: 0,
  backOffBaseMs: 25,
  backOffMaxMs: 250,
  rateLimited: undefined,
  avoidPreviousHosts: false,
  hostSelectionAttempts: 1,
};

export function compileRetry(policy: RetryPolicy): CompiledRetry {
  return {
    on: retryOnOf(policy.retryOn),
    statusCodes: policy.retriableStatusCodes,
    headers: policy.retriableHeaders.map((header) => new HeaderMatcher(header)),
    requestHeaders: (policy.retriableRequestHeaders ?? []).map(
      (header) => new HeaderMatcher(header),
    ),
    retriesMax: policy.numRetries,
    perTryTimeoutMs: policy.perTryTimeoutMs,
    perTryIdleTimeoutMs: policy.perTryIdleTimeoutMs ?? 0,
    backOffBaseMs: Math.max(1, policy.backOffBaseMs),
    backOffMaxMs: Math.max(1, policy.backOffMaxMs),
    rateLimited: policy.rateLimitedBackOff,
    avoidPreviousHosts: policy.avoidPreviousHosts,
    hostSelectionAttempts: Math.min(policy.hostSelectionAttempts, SELECTIONS_MAX),
  };
}
