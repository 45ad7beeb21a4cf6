// hot path: no allocation per request
import { byteAt } from "./character.ts";

const SLOTS = 512;
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * Finds out whether a run of bytes is one of a few known words, without making a string: open
 * addressing over FNV-1a. `fold` maps each byte before it is compared (lower case, or itself).
 */
export class ByteDictionary {
  readonly #fold: Uint8Array;
  readonly #slots = new Uint16Array(SLOTS);
  readonly #words: Uint8Array[] = [new Uint8Array(0)];

  /** The word at index `i` gets the id `i`; index 0 stays free for "unknown". */
  constructor(words: readonly string[], fold: Uint8Array) {
    this.#fold = fold;
    for (let id = 1; id < words.length; id++) this.#add(words[id] ?? "", id);
  }

  /** The id of `bytes[start..end)`, 0 where it is none of the words. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const fold = this.#fold;
    let hash = FNV_OFFSET;
    for (let i = start; i < end; i++) {
      hash = Math.imul(hash ^ byteAt(fold, byteAt(bytes, i)), FNV_PRIME);
    }
    let slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    for (let id = this.#slots[slot] as number; id !== 0; id = this.#slots[slot] as number) {
      if (this.#equals(id, bytes, start, end)) return id;
      slot = (slot + 1) & (SLOTS - 1);
    }
    return 0;
  }

  #equals(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    const word = this.#words[id] as Uint8Array;
    if (word.length !== end - start) return false;
    for (let i = 0; i < word.length; i++) {
      if (byteAt(this.#fold, byteAt(bytes, start + i)) !== byteAt(word, i)) return false;
    }
    return true;
  }

  #add(word: string, id: number): void {
    const bytes = Buffer.from(word, "latin1");
    let hash = FNV_OFFSET;
    for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ byteAt(bytes, i), FNV_PRIME);
    let slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    while (this.#slots[slot] !== 0) slot = (slot + 1) & (SLOTS - 1);
    this.#slots[slot] = id;
    this.#words[id] = bytes;
  }
}
