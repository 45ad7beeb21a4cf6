// hot path: no allocation per request
import type { RingHashOptions } from "../../../model/balance/balancing.ts";
import type { Balancer, Candidate, TableSizes } from "../balancer.ts";
import { Hash64 } from "./hash64.ts";
import type { HashedHosts } from "./hashed-hosts.ts";
import { murmurHash2 } from "./murmur-hash.ts";
import { RingEntries } from "./ring-entries.ts";
import { xxHash64 } from "./xx-hash.ts";

/** Entries that are hashed before others get their turn. */
const SLICE = 256;

/**
 * RING_HASH: every host stands at many places of a ring of hashes, and a request goes to the one
 * that comes next (Envoy: RingHashLoadBalancer, after libketama).
 */
class RingHash<T> implements Balancer<T> {
  readonly #hosts: readonly T[];
  readonly #entries: RingEntries;

  constructor(hosts: readonly T[], entries: RingEntries) {
    this.#hosts = hosts;
    this.#entries = entries;
  }

  /** Further attempts go to the places behind. */
  pick(hash: Hash64, attempt: number): T | undefined {
    const { size } = this.#entries;
    if (size === 0) return undefined;
    const at = this.#entries.next(hash);
    return this.#hosts[this.#entries.ownerAt((at + attempt) % size)];
  }
}

/**
 * Each host gets places by its share, the least of them a whole number, unless that would be more
 * than the ring may have.
 */
export function* buildRing<T extends Candidate>(
  { hosts, shares, minShare }: HashedHosts<T>,
  { minimumRingSize, maximumRingSize, hashFunction }: RingHashOptions,
  onSize: (sizes: TableSizes) => void,
): Generator<void, Balancer<T>> {
  if (hosts.length === 0) return new RingHash(hosts, new RingEntries(0));
  const wanted = Math.ceil(minShare * minimumRingSize) / minShare;
  const scale = Math.min(wanted, maximumRingSize);
  const size = Math.ceil(scale);
  // Sums of shares may end a hair above the whole.
  const entries = new RingEntries(size + 1);
  const hasher = new PlaceHasher(hashFunction === "murmurHash2" ? murmurHash2 : xxHash64);
  let minPerHost = size;
  let maxPerHost = 0;
  let target = 0;
  for (let index = 0; index < hosts.length; index++) {
    hasher.begin((hosts[index] as T).hashKey);
    target += scale * (shares[index] as number);
    let own = 0;
    for (; entries.size < target; own++) {
      entries.add(hasher.place(own), index);
      if (entries.size % SLICE === 0) yield;
    }
    minPerHost = Math.min(minPerHost, own);
    maxPerHost = Math.max(maxPerHost, own);
    if (index % SLICE === 0) yield;
  }
  yield* entries.sort();
  onSize({ size, minPerHost, maxPerHost });
  return new RingHash(hosts, entries);
}

type HashFunction = (bytes: Uint8Array, length: number, out: Hash64) => void;

/** Hashes `10.0.0.1:80_0`, `10.0.0.1:80_1` and so on. */
class PlaceHasher {
  readonly #hash: HashFunction;
  readonly #out = new Hash64();
  #bytes = Buffer.alloc(0);
  #keyLength = 0;

  constructor(hash: HashFunction) {
    this.#hash = hash;
  }

  begin(key: string): void {
    const length = Buffer.byteLength(key) + 24;
    if (this.#bytes.length < length) this.#bytes = Buffer.alloc(length * 2);
    this.#keyLength = this.#bytes.write(`${key}_`, "utf8");
  }

  place(number: number): Hash64 {
    const digits = this.#bytes.write(String(number), this.#keyLength, "latin1");
    this.#out.set(0, 0);
    this.#hash(this.#bytes, this.#keyLength + digits, this.#out);
    return this.#out;
  }
}
