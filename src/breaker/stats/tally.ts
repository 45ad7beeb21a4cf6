// hot path: no allocation per request

/** A rolling window, in milliseconds. */
export interface Extent {
  readonly durationMs: number;
  readonly buckets: number;
}

/**
 * Counts of several things, since the start and within a rolling window. To count is to raise one
 * number: those of a bucket are added to those since the start when its time is over, and the
 * window is summed up when somebody asks.
 */
export class Tally {
  readonly #counters: number;
  readonly #buckets: number;
  readonly #bucketMs: number;
  readonly #ring: Int32Array;
  /** Of buckets that are over. */
  readonly #past: Float64Array;
  #number = 0;
  /** Where the newest bucket begins in the ring, and when it is over. */
  #newest = 0;
  #endsAt = 0;

  constructor(counters: number, { durationMs, buckets }: Extent) {
    this.#counters = counters;
    this.#buckets = buckets;
    this.#bucketMs = durationMs / buckets;
    this.#ring = new Int32Array(counters * buckets);
    this.#past = new Float64Array(counters);
  }

  add(counter: number, now: number): void {
    if (now >= this.#endsAt) this.#advance(now);
    const ring = this.#ring;
    const at = this.#newest + counter;
    ring[at] = (ring[at] as number) + 1;
  }

  /** Within the window. */
  rolling(counter: number, now: number): number {
    if (now >= this.#endsAt) this.#advance(now);
    return this.#inRing(counter);
  }

  /** Since the start. */
  ever(counter: number): number {
    return (this.#past[counter] as number) + this.#inRing(counter);
  }

  #inRing(counter: number): number {
    let sum = 0;
    for (let at = counter; at < this.#ring.length; at += this.#counters) {
      sum += this.#ring[at] as number;
    }
    return sum;
  }

  #advance(now: number): void {
    const number = Math.floor(now / this.#bucketMs);
    const past = Math.max(this.#number, number - this.#buckets);
    for (let next = past + 1; next <= number; next++) this.#empty(next % this.#buckets);
    this.#number = Math.max(this.#number, number);
    this.#newest = (this.#number % this.#buckets) * this.#counters;
    this.#endsAt = (number + 1) * this.#bucketMs;
  }

  #empty(bucket: number): void {
    const start = bucket * this.#counters;
    for (let counter = 0; counter < this.#counters; counter++) {
      const at = start + counter;
      this.#past[counter] = (this.#past[counter] as number) + (this.#ring[at] as number);
      this.#ring[at] = 0;
    }
  }
}
