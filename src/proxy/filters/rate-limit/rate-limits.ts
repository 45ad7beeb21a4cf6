import type { LocalRateLimit } from "../../../model/filter/local-rate-limit.ts";
import type { ConnectionLimit } from "../../../model/listener.ts";
import type { Limited } from "../../limits/shared-buckets.ts";
import { type BucketCells, TokenBucket } from "../../limits/token-bucket.ts";
import type { RateLimitStats } from "../../telemetry/envoy/filter/rate-limit-stats.ts";
import { CompiledRateLimit } from "./compiled-rate-limit.ts";
import { LimitBuckets } from "./limit-buckets.ts";
import { descriptorKey } from "./request-descriptors.ts";

/** What hands out the statistics of a limit. */
export interface LimitTelemetry {
  rateLimit(statPrefix: string): RateLimitStats;
}

/** Limits at work: one for each that is configured, however many routes it holds for. */
export class RateLimits {
  readonly #telemetry: LimitTelemetry;
  readonly #cells = new WeakMap<Limited, BucketCells>();
  readonly #compiled = new WeakMap<LocalRateLimit, CompiledRateLimit>();

  constructor(telemetry: LimitTelemetry) {
    this.#telemetry = telemetry;
  }

  /** What a limit shares with other threads, and with its like in the last configuration. */
  learn(limit: Limited, cells: BucketCells | undefined): void {
    if (cells !== undefined) this.#cells.set(limit, cells);
  }

  /** Throws where a header's template is invalid. */
  of(limit: LocalRateLimit): CompiledRateLimit {
    let compiled = this.#compiled.get(limit);
    if (compiled === undefined) {
      const stats = this.#telemetry.rateLimit(limit.statPrefix);
      compiled = new CompiledRateLimit(limit, stats, this.#bucketsOf(limit));
      this.#compiled.set(limit, compiled);
    }
    return compiled;
  }

  /** The one of a TCP proxy's connections. */
  connectionBucket(limit: ConnectionLimit): TokenBucket {
    return new TokenBucket(limit.bucket, this.#cells.get(limit));
  }

  #bucketsOf(limit: LocalRateLimit): LimitBuckets {
    const ofDescriptors = new Map<string, TokenBucket>();
    for (const one of limit.descriptors) {
      ofDescriptors.set(descriptorKey(one), new TokenBucket(one.bucket, this.#cells.get(one)));
    }
    const { bucket, bucketCountsAll } = limit;
    const usual = bucket && new TokenBucket(bucket, this.#cells.get(limit));
    return new LimitBuckets(usual, ofDescriptors, bucketCountsAll);
  }
}
