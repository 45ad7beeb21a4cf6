// hot path: no allocation per request
import { TokenBucket } from "../../limits/token-bucket.ts";

/** The buckets of one limit (Envoy: LocalRateLimiterImpl). */
export class LimitBuckets {
  /** What decided about the last request; undefined: nothing limits it. */
  decisive: TokenBucket | undefined;
  readonly #usual: TokenBucket | undefined;
  readonly #ofDescriptors: ReadonlyMap<string, TokenBucket>;
  /** The usual one counts requests with a bucket of their own as well. */
  readonly #countsAll: boolean;
  readonly #found: TokenBucket[] = [];

  constructor(
    usual: TokenBucket | undefined,
    ofDescriptors: ReadonlyMap<string, TokenBucket>,
    countsAll: boolean,
  ) {
    this.#usual = usual;
    this.#ofDescriptors = ofDescriptors;
    this.#countsAll = countsAll;
  }

  get asksForDescriptors(): boolean {
    return this.#ofDescriptors.size > 0;
  }

  /** The same sizes, full. */
  fresh(): LimitBuckets {
    const ofDescriptors = new Map<string, TokenBucket>();
    for (const [key, bucket] of this.#ofDescriptors) {
      ofDescriptors.set(key, new TokenBucket(bucket.size));
    }
    const usual = this.#usual && new TokenBucket(this.#usual.size);
    return new LimitBuckets(usual, ofDescriptors, this.#countsAll);
  }

  /** A request begins. */
  begin(): void {
    this.#found.length = 0;
    this.decisive = undefined;
  }

  /** It is described like this as well. The slowest buckets are asked first, as in Envoy. */
  describe(descriptor: string): void {
    const bucket = this.#ofDescriptors.get(descriptor);
    if (bucket === undefined) return;
    const found = this.#found;
    let at = found.length;
    found.push(bucket);
    while (at > 0 && isSlower(bucket, found[at - 1] as TokenBucket)) {
      found[at] = found[at - 1] as TokenBucket;
      at--;
    }
    found[at] = bucket;
  }

  /** Takes a token of each bucket that counts it, up to the first that has none. */
  take(nowMs: number): boolean {
    const found = this.#found;
    for (let i = 0; i < found.length; i++) {
      this.decisive = found[i];
      if (this.decisive?.take(nowMs) === false) return false;
    }
    this.decisive = found[0];
    if (this.#usual === undefined || (found.length > 0 && !this.#countsAll)) return true;
    this.decisive ??= this.#usual;
    if (this.#usual.take(nowMs)) return true;
    this.decisive = this.#usual;
    return false;
  }
}

function isSlower({ size: one }: TokenBucket, { size: other }: TokenBucket): boolean {
  return one.tokensPerFill / one.fillIntervalMs < other.tokensPerFill / other.fillIntervalMs;
}
