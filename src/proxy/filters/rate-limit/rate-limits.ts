import type { LocalRateLimit } from "../../../model/filter/local-rate-limit.ts";
import { type BucketCells, TokenBucket } from "../../limits/token-bucket.ts";
import type { RateLimitStats } from "../../telemetry/envoy/filter/rate-limit-stats.ts";
import { CompiledRateLimit } from "./compiled-rate-limit.ts";

/** What hands out the statistics of a limit. */
export interface LimitTelemetry {
  rateLimit(statPrefix: string): RateLimitStats;
}

/** Limits at work: one for each that is configured, however many routes it holds for. */
export class RateLimits {
  readonly #telemetry: LimitTelemetry;
  readonly #cells = new WeakMap<LocalRateLimit, BucketCells>();
  readonly #compiled = new WeakMap<LocalRateLimit, CompiledRateLimit>();

  constructor(telemetry: LimitTelemetry) {
    this.#telemetry = telemetry;
  }

  /** What a limit shares with other threads, and with its like in the last configuration. */
  learn(limit: LocalRateLimit, cells: BucketCells | undefined): void {
    if (cells !== undefined) this.#cells.set(limit, cells);
  }

  /** Throws where a header's template is invalid. */
  of(limit: LocalRateLimit): CompiledRateLimit {
    let compiled = this.#compiled.get(limit);
    if (compiled === undefined) {
      const { bucket, statPrefix } = limit;
      const own =
        bucket === undefined ? undefined : new TokenBucket(bucket, this.#cells.get(limit));
      compiled = new CompiledRateLimit(limit, this.#telemetry.rateLimit(statPrefix), own);
      this.#compiled.set(limit, compiled);
    }
    return compiled;
  }
}
