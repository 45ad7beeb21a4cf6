// hot path: no allocation per request
import type { Balancer, Candidate, TableSizes } from "../balancer.ts";
import { Hash64 } from "./hash64.ts";
import type { HashedHosts } from "./hashed-hosts.ts";
import { xxHash64 } from "./xx-hash.ts";

/** Steps of the work before others get their turn. */
const SLICE = 1024;

/** MAGLEV: one look into a table that hosts fill in turn, each by an order of its own. */
class Maglev<T> implements Balancer<T> {
  readonly #hosts: readonly T[];
  /** For each place the number of its host, counted from 1. */
  readonly #table: Uint32Array;
  readonly #again = new Hash64();

  constructor(hosts: readonly T[], table: Uint32Array) {
    this.#hosts = hosts;
    this.#table = table;
  }

  /** Further attempts turn most bits of the hash round. */
  pick(hash: Hash64, attempt: number): T | undefined {
    const table = this.#table;
    if (table.length === 0) return undefined;
    if (attempt === 0) return this.#hosts[(table[hash.modulo(table.length)] as number) - 1];
    this.#again.copy(hash);
    this.#again.xor(-1, -attempt);
    return this.#hosts[(table[this.#again.modulo(table.length)] as number) - 1];
  }
}

/** One host on its way through the table. */
interface Filler {
  /** Number of the host, counted from 1. */
  readonly number: number;
  readonly key: Buffer;
  readonly skip: number;
  readonly share: number;
  /** Where it looks next. */
  at: number;
  /** It has had its share up to this. */
  target: number;
  count: number;
}

/**
 * Hosts sorted by key take the next free place of their permutations, one after the other; one of
 * half the largest share, every other time (Envoy: MaglevTable; Eisenbud et al., listing 1).
 */
export function* buildMaglev<T extends Candidate>(
  { hosts, shares, maxShare }: HashedHosts<T>,
  size: number,
  onSize: (sizes: TableSizes) => void,
): Generator<void, Balancer<T>> {
  if (hosts.length === 0) return new Maglev(hosts, new Uint32Array(0));
  const fillers = yield* fillersOf(hosts, shares, size);
  const table = new Uint32Array(size);
  let filled = 0;
  let steps = 0;
  for (let round = 1; filled < size; round++) {
    for (let i = 0; i < fillers.length && filled < size; i++) {
      const filler = fillers[i] as Filler;
      if (++steps % SLICE === 0) yield;
      if (round * filler.share < filler.target) continue;
      filler.target += maxShare;
      while (table[filler.at] !== 0) {
        advance(filler, size);
        if (++steps % SLICE === 0) yield;
      }
      table[filler.at] = filler.number;
      advance(filler, size);
      filler.count++;
      filled++;
    }
  }
  onSize(sizesOf(fillers, size));
  return new Maglev(hosts, table);
}

function advance(filler: Filler, size: number): void {
  const next = filler.at + filler.skip;
  filler.at = next < size ? next : next - size;
}

function* fillersOf<T extends Candidate>(
  hosts: readonly T[],
  shares: Float64Array,
  size: number,
): Generator<void, Filler[]> {
  const fillers: Filler[] = [];
  const hash = new Hash64();
  for (let i = 0; i < hosts.length; i++) {
    const key = Buffer.from((hosts[i] as T).hashKey, "utf8");
    hash.set(0, 0);
    xxHash64(key, key.length, hash);
    const at = hash.modulo(size);
    hash.set(0, 1);
    xxHash64(key, key.length, hash);
    const skip = size < 2 ? 0 : hash.modulo(size - 1) + 1;
    const share = shares[i] as number;
    fillers.push({ number: i + 1, key, at, skip, share, target: 0, count: 0 });
    if (i % SLICE === 0) yield;
  }
  return fillers.sort(byKey);
}

function byKey(a: Filler, b: Filler): number {
  return Buffer.compare(a.key, b.key);
}

function sizesOf(fillers: readonly Filler[], size: number): TableSizes {
  let minPerHost = size;
  let maxPerHost = 0;
  for (let i = 0; i < fillers.length; i++) {
    const { count } = fillers[i] as Filler;
    minPerHost = Math.min(minPerHost, count);
    maxPerHost = Math.max(maxPerHost, count);
  }
  return { size, minPerHost, maxPerHost };
}
