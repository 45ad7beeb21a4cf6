// hot path: no allocation per request
import type { Hash64 } from "./hash64.ts";

const DIGITS = 256;
/** Entries that are moved before others get their turn. */
const SLICE = 4096;

/** The places of a ring: 64-bit hashes in ascending order, each with the number of its owner. */
export class RingEntries {
  #hi: Uint32Array;
  #lo: Uint32Array;
  #owners: Uint32Array;
  size = 0;

  constructor(capacity: number) {
    this.#hi = new Uint32Array(capacity);
    this.#lo = new Uint32Array(capacity);
    this.#owners = new Uint32Array(capacity);
  }

  add(hash: Hash64, owner: number): void {
    const at = this.size++;
    this.#hi[at] = hash.hi;
    this.#lo[at] = hash.lo;
    this.#owners[at] = owner;
  }

  ownerAt(index: number): number {
    return this.#owners[index] as number;
  }

  /** The first entry whose hash is not below this one; behind the last comes the first. */
  next(hash: Hash64): number {
    const hi = hash.hi >>> 0;
    const lo = hash.lo >>> 0;
    let from = 0;
    let to = this.size;
    while (from < to) {
      const middle = (from + to) >>> 1;
      const found = this.#hi[middle] as number;
      const isBelow = found < hi || (found === hi && (this.#lo[middle] as number) < lo);
      if (isBelow) from = middle + 1;
      else to = middle;
    }
    return from === this.size ? 0 : from;
  }

  /** By radix, the least significant byte first: the work divides into slices of any size. */
  *sort(): Generator<void, void> {
    const { length } = this.#hi;
    let hi: Uint32Array = new Uint32Array(length);
    let lo: Uint32Array = new Uint32Array(length);
    let owners: Uint32Array = new Uint32Array(length);
    const starts = new Uint32Array(DIGITS);
    for (let byte = 0; byte < 8; byte++) {
      const keys = byte < 4 ? this.#lo : this.#hi;
      const shift = 8 * (byte % 4);
      yield* this.#count(keys, shift, starts);
      for (let i = 0; i < this.size; i++) {
        const digit = ((keys[i] as number) >>> shift) & 255;
        const to = starts[digit] as number;
        starts[digit] = to + 1;
        hi[to] = this.#hi[i] as number;
        lo[to] = this.#lo[i] as number;
        owners[to] = this.#owners[i] as number;
        if (i % SLICE === 0) yield;
      }
      [this.#hi, hi] = [hi, this.#hi];
      [this.#lo, lo] = [lo, this.#lo];
      [this.#owners, owners] = [owners, this.#owners];
    }
  }

  /** Where the entries of each digit begin. */
  *#count(keys: Uint32Array, shift: number, starts: Uint32Array): Generator<void, void> {
    starts.fill(0);
    for (let i = 0; i < this.size; i++) {
      const digit = ((keys[i] as number) >>> shift) & 255;
      starts[digit] = (starts[digit] as number) + 1;
      if (i % SLICE === 0) yield;
    }
    let before = 0;
    for (let digit = 0; digit < DIGITS; digit++) {
      const count = starts[digit] as number;
      starts[digit] = before;
      before += count;
    }
  }
}
