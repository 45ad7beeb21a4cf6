import type { Clock } from "../../../base/clock.ts";

export interface Rate {
  /** So many at once, where nothing was asked for a while. */
  readonly burst: number;
  /** So many a second in the long run. */
  readonly perSecond: number;
}

/** Lets so many through and no more. */
export class TokenBucket {
  readonly #rate: Rate;
  readonly #clock: Clock;
  #left: number;
  #filledAt: number;

  constructor(rate: Rate, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
    this.#left = rate.burst;
    this.#filledAt = clock.now();
  }

  take(): boolean {
    this.#fill();
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }

  /** Nothing was taken of it for so long that a new one would be the same. */
  get full(): boolean {
    this.#fill();
    return this.#left >= this.#rate.burst;
  }

  #fill(): void {
    const now = this.#clock.now();
    const gained = ((now - this.#filledAt) / 1000) * this.#rate.perSecond;
    this.#left = Math.min(this.#rate.burst, this.#left + gained);
    this.#filledAt = now;
  }
}

/** One bucket for each key. Keys are authenticated names; still, there are at most so many. */
export class KeyedBuckets {
  readonly #rate: Rate;
  readonly #clock: Clock;
  readonly #keysMax: number;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(rate: Rate, clock: Clock, keysMax = 10_000) {
    this.#rate = rate;
    this.#clock = clock;
    this.#keysMax = keysMax;
  }

  take(key: string): boolean {
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      if (this.#buckets.size >= this.#keysMax) this.#forgetFull();
      if (this.#buckets.size >= this.#keysMax) return false;
      bucket = new TokenBucket(this.#rate, this.#clock);
      this.#buckets.set(key, bucket);
    }
    return bucket.take();
  }

  #forgetFull(): void {
    for (const [key, bucket] of this.#buckets) if (bucket.full) this.#buckets.delete(key);
  }
}
