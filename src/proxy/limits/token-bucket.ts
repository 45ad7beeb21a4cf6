// hot path: no allocation per request
import type { TokenBucketSize } from "../../model/filter/local-rate-limit.ts";

const US_PER_MS = 1000;
const MS_PER_S = 1000;
/** Nobody has looked yet: the bucket is full. */
const UNTOUCHED = -(2n ** 63n);
/** A fuller bucket than that makes no difference. */
const FULL_US_MAX = 2 ** 52;

/** One cell for each bucket: what the threads of a proxy share. */
export type BucketCells = BigInt64Array;

export function bucketCells(): BucketCells {
  const cells = new BigInt64Array(new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT));
  cells[0] = UNTOUCHED;
  return cells;
}

/**
 * Tokens that fill evenly (Envoy: AtomicTokenBucketImpl). Kept is the moment since when tokens have
 * gathered; taking one moves it on by the time that a token takes. So there is no timer, and a
 * bucket can be shared by threads that never wait for each other.
 */
export class TokenBucket {
  readonly size: TokenBucketSize;
  readonly #cells: BucketCells;
  readonly #usPerToken: number;
  readonly #fullUs: number;

  constructor(size: TokenBucketSize, cells: BucketCells = bucketCells()) {
    this.size = size;
    this.#cells = cells;
    this.#usPerToken = (size.fillIntervalMs * US_PER_MS) / size.tokensPerFill;
    this.#fullUs = Math.min(size.maxTokens * this.#usPerToken, FULL_US_MAX);
  }

  /** `nowMs`: of the process's clock, which is the same in all threads. */
  take(nowMs: number): boolean {
    const nowUs = nowMs * US_PER_MS;
    for (;;) {
      const before = Atomics.load(this.#cells, 0);
      const after = this.#since(before, nowUs) + this.#usPerToken;
      // A token that lacks less than can be kept is there.
      if (after > nowUs + 0.5) return false;
      const next = BigInt(Math.round(after));
      if (Atomics.compareExchange(this.#cells, 0, before, next) === before) return true;
    }
  }

  /** Whole tokens. */
  remaining(nowMs: number): number {
    return Math.floor(this.#tokens(nowMs));
  }

  /** Whole seconds until there is one. */
  secondsToNext(nowMs: number): number {
    const lacking = 1 - this.#tokens(nowMs);
    if (lacking <= 0) return 0;
    return Math.ceil((lacking * this.#usPerToken) / (US_PER_MS * MS_PER_S));
  }

  #tokens(nowMs: number): number {
    const nowUs = nowMs * US_PER_MS;
    const since = this.#since(Atomics.load(this.#cells, 0), nowUs);
    return Math.max(0, nowUs - since) / this.#usPerToken;
  }

  #since(kept: bigint, nowUs: number): number {
    const fullSince = nowUs - this.#fullUs;
    return kept === UNTOUCHED ? fullSince : Math.max(Number(kept), fullSince);
  }
}
