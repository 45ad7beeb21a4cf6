export interface RetryBudgetOptions {
  /** Repetitions for each call: 0.2 makes at most 1.2 tries of 1 call. Default 0.2. */
  readonly ratio?: number;
  /** Repetitions a second that are always allowed, for callers with few calls. Default 1. */
  readonly minPerSecond?: number;
  /** How long calls and repetitions count. Default 10 s. */
  readonly windowMs?: number;
}

const BUCKETS = 10;

/**
 * Bounds repetitions by a share of the calls, so that retries cannot multiply the load on what is
 * down already: when everything fails, an unbounded `retries: 2` triples it. Give one to all
 * policies that call the same service. Linkerd's and Finagle's retry budget.
 */
export class RetryBudget {
  readonly #ratio: number;
  readonly #reserve: number;
  readonly #bucketMs: number;
  readonly #calls = new Float64Array(BUCKETS);
  readonly #repetitions = new Float64Array(BUCKETS);
  #newest = 0;
  #allCalls = 0;
  #allRepetitions = 0;
  /** Repetitions that were allowed, and refused, since it was made. */
  allowed = 0;
  refused = 0;

  constructor({ ratio = 0.2, minPerSecond = 1, windowMs = 10_000 }: RetryBudgetOptions = {}) {
    if (!(ratio >= 0)) throw new RangeError(`ratio ${ratio}: at least 0`);
    if (!(minPerSecond >= 0)) throw new RangeError(`minPerSecond ${minPerSecond}: at least 0`);
    if (!(windowMs > 0)) throw new RangeError(`windowMs ${windowMs}: more than 0`);
    this.#ratio = ratio;
    this.#reserve = (minPerSecond * windowMs) / 1000;
    this.#bucketMs = windowMs / BUCKETS;
  }

  /** Counts a first try. */
  count(now: number): void {
    this.#turnTo(now);
    this.#add(this.#calls, 1);
    this.#allCalls++;
  }

  /** Whether one more try may be made; it is counted then. */
  take(now: number): boolean {
    this.#turnTo(now);
    // Shares of calls add up in floating point: 10 * 0.1 must allow one.
    const may = this.#ratio * this.#allCalls + this.#reserve + 1e-9 >= this.#allRepetitions + 1;
    if (!may) {
      this.refused++;
      return false;
    }
    this.allowed++;
    this.#add(this.#repetitions, 1);
    this.#allRepetitions++;
    return true;
  }

  #add(counts: Float64Array, more: number): void {
    const index = this.#newest % BUCKETS;
    counts[index] = (counts[index] ?? 0) + more;
  }

  /** Forgets buckets that are older than the window, however long nobody asked. */
  #turnTo(now: number): void {
    const bucket = Math.floor(now / this.#bucketMs);
    const stale = Math.min(bucket - this.#newest, BUCKETS);
    for (let i = 1; i <= stale; i++) {
      const index = (bucket - stale + i) % BUCKETS;
      this.#allCalls -= this.#calls[index] ?? 0;
      this.#allRepetitions -= this.#repetitions[index] ?? 0;
      this.#calls[index] = 0;
      this.#repetitions[index] = 0;
    }
    if (bucket > this.#newest) this.#newest = bucket;
  }
}
