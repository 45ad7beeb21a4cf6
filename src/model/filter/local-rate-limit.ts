import type { HeaderMutation } from "../route.ts";
import type { Fraction } from "./fraction.ts";

/** Envoy: type.v3.TokenBucket; it fills evenly, not at once. */
export interface TokenBucketSize {
  readonly maxTokens: number;
  readonly tokensPerFill: number;
  readonly fillIntervalMs: number;
}

/** Envoy: common.ratelimit.v3.LocalRateLimitDescriptor: requests described like this. */
export interface LimitDescriptor {
  readonly entries: readonly { readonly key: string; readonly value: string }[];
  readonly bucket: TokenBucketSize;
}

/**
 * Envoy: filters.http.local_ratelimit.v3.LocalRateLimit: how many requests this proxy lets through
 * by itself. What a route says takes the place of what the filter says.
 */
export interface LocalRateLimit {
  readonly statPrefix: string;
  /** From 400 on; Envoy's default 429. */
  readonly status: number;
  /** Undefined: nothing is limited. */
  readonly bucket: TokenBucketSize | undefined;
  /** The share of requests that are counted; Envoy's default none. */
  readonly enabled: Fraction;
  /** Of those that are over the limit, the share that is refused; likewise none. */
  readonly enforced: Fraction;
  /** Of refusals. */
  readonly responseHeaders: readonly HeaderMutation[];
  /** Of requests that are over the limit, and pass. */
  readonly requestHeaders: readonly HeaderMutation[];
  /** Each client's connection has a bucket of its own. */
  readonly perConnection: boolean;
  /** `x-ratelimit-limit`, `-remaining` and `-reset` stand in answers. */
  readonly rateLimitHeaders: boolean;
  /** Those that are described so have a bucket of their own. */
  readonly descriptors: readonly LimitDescriptor[];
  /** Such requests are counted in `bucket` as well; Envoy's default true. */
  readonly bucketCountsAll: boolean;
  /** Of virtual hosts: where the route has none; beside them; or not at all. */
  readonly hostRules: "override" | "include" | "ignore";
  /** gRPC calls get RESOURCE_EXHAUSTED, and not UNAVAILABLE. */
  readonly resourceExhausted: boolean;
}
