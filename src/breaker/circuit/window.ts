// hot path: no allocation per request
import { type Cells, readTime, replaceTime, TIME_CELLS, writeTime } from "./cells.ts";

export interface WindowOptions {
  readonly durationMs: number;
  /** Parts of the window; the oldest is forgotten as a whole. */
  readonly buckets: number;
  /** How many things are counted. */
  readonly counters: number;
}

/** Cells that a window takes. */
export function windowCells({ buckets, counters }: WindowOptions): number {
  return TIME_CELLS + counters * (buckets + 1);
}

/**
 * Counts of the last so many milliseconds, in a ring of buckets. It moves when somebody counts or
 * asks, by as many buckets as have passed, so it needs no timer and is right after any pause. The
 * sums are kept beside the buckets: what one call costs does not depend on their number.
 *
 * Threads may share the cells where they share the clock. One of them empties what is over; what
 * another counts at that very moment may be lost, but buckets and sums always agree.
 */
export class Window {
  readonly #cells: Cells;
  readonly #at: number;
  readonly #sums: number;
  readonly #first: number;
  readonly #bucketMs: number;
  readonly #buckets: number;
  readonly #counters: number;
  /** Of the newest bucket: where it lies, and when it ends. */
  #newest: number;
  #endsAt = 0;

  /** Takes `windowCells` cells from `at` on. */
  constructor(cells: Cells, at: number, options: WindowOptions) {
    this.#cells = cells;
    this.#at = at;
    this.#counters = options.counters;
    this.#buckets = options.buckets;
    this.#bucketMs = options.durationMs / options.buckets;
    this.#sums = at + TIME_CELLS;
    this.#first = this.#sums + options.counters;
    this.#newest = this.#first;
  }

  /** Counts one, or more. */
  add(counter: number, now: number, amount = 1): void {
    if (now >= this.#endsAt) this.#advance(now);
    const cells = this.#cells;
    cells.add(this.#newest + counter, amount);
    cells.add(this.#sums + counter, amount);
  }

  /** What `sum` says at the moment of the last `add`. */
  lastSum(counter: number): number {
    return this.#cells.load(this.#sums + counter);
  }

  sum(counter: number, now: number): number {
    if (now >= this.#endsAt) this.#advance(now);
    return this.#cells.load(this.#sums + counter);
  }

  clear(): void {
    this.#empty(this.#buckets - 1, -1);
  }

  /** Whatever another window has left in these cells, one of other buckets perhaps, is nothing. */
  restart(): void {
    writeTime(this.#cells, this.#at, 0);
    this.clear();
  }

  #advance(now: number): void {
    const bucket = Math.floor(now / this.#bucketMs);
    this.#endsAt = (bucket + 1) * this.#bucketMs;
    this.#newest = this.#first + (bucket % this.#buckets) * this.#counters;
    const newest = readTime(this.#cells, this.#at);
    if (bucket <= newest) return;
    if (!replaceTime(this.#cells, this.#at, newest, bucket)) return;
    this.#empty(bucket, Math.max(newest, bucket - this.#buckets));
  }

  /** The buckets after `past` up to `bucket`. */
  #empty(bucket: number, past: number): void {
    for (let number = bucket; number > past; number--) {
      this.#take(this.#first + (number % this.#buckets) * this.#counters);
    }
  }

  #take(at: number): void {
    for (let counter = 0; counter < this.#counters; counter++) {
      const count = this.#cells.exchange(at + counter, 0);
      if (count !== 0) this.#cells.add(this.#sums + counter, -count);
    }
  }
}
