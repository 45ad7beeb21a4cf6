import { type Clock, systemClock } from "../clock.ts";
import { RateLimitedError } from "../errors.ts";
import type { CallScope } from "./call-scope.ts";
import { pause } from "./pause.ts";
import { BasePolicy, type Policy, type Work } from "./policy.ts";

export interface RateLimitOptions {
  /** Calls in each interval. More than 0. */
  readonly limit: number;
  /** Default 1 s. */
  readonly intervalMs?: number;
  /** Calls that may come at one moment. Default: `limit`, at least 1. */
  readonly burst?: number;
  /** A call that is too early waits so long at most, in order. Default 0: it is refused. */
  readonly maxWaitMs?: number;
  /** In errors. Default "rate limit". */
  readonly name?: string;
  readonly clock?: Clock;
}

export interface RateLimit extends Policy {
  /** Since it was made. */
  readonly rejected: number;
}

/**
 * The generic cell rate algorithm (ITU-T I.371): one moment says it all. A full token bucket of
 * `burst` tokens that gains one each `intervalMs / limit` decides the same.
 */
class CellRateLimit extends BasePolicy implements RateLimit {
  readonly #spacingMs: number;
  readonly #toleranceMs: number;
  readonly #maxWaitMs: number;
  readonly #name: string;
  readonly #clock: Clock;
  /** When the bucket would be full again: the theoretical arrival time of the next call. */
  #fullAt = Number.NEGATIVE_INFINITY;
  rejected = 0;

  constructor(options: RateLimitOptions) {
    super();
    const { limit, intervalMs = 1000, burst = Math.max(1, limit) } = options;
    if (!(limit > 0)) throw new RangeError(`limit ${limit}: more than 0 is needed`);
    if (!(intervalMs > 0)) throw new RangeError(`intervalMs ${intervalMs}: more than 0 is needed`);
    if (!(burst >= 1)) throw new RangeError(`burst ${burst}: at least 1`);
    this.#spacingMs = intervalMs / limit;
    this.#toleranceMs = this.#spacingMs * (burst - 1);
    this.#maxWaitMs = options.maxWaitMs ?? 0;
    this.#name = options.name ?? "rate limit";
    this.#clock = options.clock ?? systemClock;
  }

  protected async execute<T>(work: Work<T>, scope: CallScope): Promise<T> {
    const now = this.#clock.now();
    const fullAt = Math.max(this.#fullAt, now);
    const waitMs = fullAt - this.#toleranceMs - now;
    // A hair too early, by how floating point adds up, is in time.
    if (waitMs > this.#maxWaitMs + 1e-6) {
      this.rejected++;
      throw new RateLimitedError(this.#name, Math.ceil(waitMs));
    }
    this.#fullAt = fullAt + this.#spacingMs;
    if (waitMs > 1e-6) await pause(waitMs, this.#clock, scope);
    return work(scope);
  }
}

/**
 * So many calls in an interval, some of them at once. What is over is refused with a
 * `RateLimitedError`, or waits for its turn; a turn that a caller gave up is lost.
 */
export function rateLimit(options: RateLimitOptions): RateLimit {
  return new CellRateLimit(options);
}
