// hot path: no allocation per request
import type { Extent } from "./tally.ts";

/** The largest number within a rolling window. */
export class RollingMax {
  readonly #buckets: Float64Array;
  readonly #bucketMs: number;
  #newest = 0;
  #at = 0;
  #endsAt = 0;

  constructor({ durationMs, buckets }: Extent) {
    this.#buckets = new Float64Array(buckets);
    this.#bucketMs = durationMs / buckets;
  }

  raise(value: number, now: number): void {
    if (now >= this.#endsAt) this.#advance(now);
    if (value > (this.#buckets[this.#at] as number)) this.#buckets[this.#at] = value;
  }

  max(now: number): number {
    if (now >= this.#endsAt) this.#advance(now);
    let max = 0;
    for (let at = 0; at < this.#buckets.length; at++) {
      max = Math.max(max, this.#buckets[at] as number);
    }
    return max;
  }

  #advance(now: number): void {
    const length = this.#buckets.length;
    const bucket = Math.floor(now / this.#bucketMs);
    const past = Math.max(this.#newest, bucket - length);
    for (let number = bucket; number > past; number--) this.#buckets[number % length] = 0;
    this.#newest = bucket;
    this.#at = bucket % length;
    this.#endsAt = (bucket + 1) * this.#bucketMs;
  }
}
