// hot path: no allocation per request
import { OTHER } from "../http/header-name.ts";
import { ENTRY_OVERHEAD } from "./decoder-table.ts";
import { FIELD_NAMES } from "./field-id.ts";
import { RULES, ruleOf } from "./indexing-rule.ts";
import { STATIC_COUNT, STATIC_NAMES } from "./static-table.ts";

/** Bytes that a connection's table may take, whatever more its peer allows. */
export const TABLE_SIZE_MAX = 4096;

/** Entries that there is room for: a power of two, more than fit into `TABLE_SIZE_MAX` bytes. */
const RING = 128;
const RING_MASK: number = RING - 1;

/** A name without an id gets one of these slots: its hash says where to look, and how far. */
const OTHER_SLOTS = 32;
const PROBES = 4;

const KNOWN_SLOTS: number = FIELD_NAMES.length;
const SLOTS: number = KNOWN_SLOTS + OTHER_SLOTS;

/** Values that are kept of one name. */
const WAYS = 2;

const NO_SLOT = -1;

const KNOWN_STATIC_NAMES: Uint8Array = Uint8Array.from(FIELD_NAMES, staticNameIndex);

/** Texts are copied through here, so that none of ours is a slice of a whole message's. */
const scratch: Buffer = Buffer.allocUnsafe(TABLE_SIZE_MAX);

/**
 * One connection's dynamic table as its encoder sees it (RFC 7541 section 2.3.2), found by name and
 * value without building any key: a name has a slot (its id, or a place for names without one), a
 * slot has two ways, and a way points to the entry that holds its value.
 *
 * ```
 *   slot "user-agent"   way 0: "curl/8"  --> ring 17     index = 62 + (newest - 17)
 *                       way 1: none
 *   ring 17             owner: slot and way; 49 bytes    eviction empties the owner's way
 * ```
 */
export class EncoderTable {
  sizeMax: number = TABLE_SIZE_MAX;
  #size = 0;
  #count = 0;
  #newest = 0;
  // By place in the ring: what the entry counts, and the way that points to it.
  readonly #sizes = new Uint16Array(RING);
  readonly #owners = new Uint16Array(RING);
  // By way: the entry's place in the ring plus 1, or 0, and its value.
  readonly #places = new Uint8Array(SLOTS * WAYS);
  readonly #values: string[] = new Array<string>(SLOTS * WAYS).fill("");
  // By slot.
  readonly #marks = new Int32Array(SLOTS);
  readonly #staticNames = new Uint8Array(SLOTS);
  readonly #rules = new Uint8Array(SLOTS);
  readonly #otherNames: string[] = new Array<string>(OTHER_SLOTS).fill("");

  constructor() {
    this.#staticNames.set(KNOWN_STATIC_NAMES);
    this.#rules.set(RULES);
  }

  /** The slot of a name, or -1 where all its places are taken by names in use. */
  slotOf(id: number, name: string): number {
    return id === OTHER ? this.#otherSlot(name) : id;
  }

  rule(slot: number): number {
    return this.#rules[slot] as number;
  }

  /** The index of an entry with this name and value, or 0. */
  indexOf(slot: number, value: string): number {
    const way = slot * WAYS;
    const first = this.#places[way] as number;
    if (first !== 0 && this.#values[way] === value) return this.#index(first);
    const second = this.#places[way + 1] as number;
    return second !== 0 && this.#values[way + 1] === value ? this.#index(second) : 0;
  }

  /** The index of an entry with this name, static ones included, or 0. */
  nameIndexOf(slot: number): number {
    const fixed = this.#staticNames[slot] as number;
    if (fixed !== 0) return fixed;
    const way = slot * WAYS;
    const place = (this.#places[way] as number) || (this.#places[way + 1] as number);
    return place === 0 ? 0 : this.#index(place);
  }

  /** Whether the value was the last one of this name that was asked about here, too. */
  comesAgain(slot: number, value: string): boolean {
    const mark = markOf(value);
    if (this.#marks[slot] === mark) return true;
    this.#marks[slot] = mark;
    return false;
  }

  /** Whether an entry leaves the table room for others. */
  takes(name: string, value: string): boolean {
    return (name.length + value.length + ENTRY_OVERHEAD) * 4 <= this.sizeMax * 3;
  }

  /** Adds an entry that `takes` has approved. */
  add(slot: number, name: string, value: string): void {
    const size = name.length + value.length + ENTRY_OVERHEAD;
    this.#evict(this.sizeMax - size);
    this.#newest = (this.#newest + 1) & RING_MASK;
    this.#count++;
    this.#size += size;
    const way = this.#wayFor(slot);
    this.#sizes[this.#newest] = size;
    this.#owners[this.#newest] = way;
    this.#places[way] = this.#newest + 1;
    this.#values[way] = ownCopy(value);
  }

  resize(sizeMax: number): void {
    this.sizeMax = sizeMax;
    this.#evict(sizeMax);
  }

  #index(place: number): number {
    return STATIC_COUNT + 1 + ((this.#newest + 1 - place) & RING_MASK);
  }

  /** An empty way of the slot, else the older one. */
  #wayFor(slot: number): number {
    const way = slot * WAYS;
    const first = this.#places[way] as number;
    const second = this.#places[way + 1] as number;
    if (first === 0) return way;
    return second === 0 || this.#index(second) > this.#index(first) ? way + 1 : way;
  }

  /** Takes the oldest entries out until at most `sizeMax` bytes are left. */
  #evict(sizeMax: number): void {
    while (this.#size > sizeMax && this.#count > 0) {
      const oldest = (this.#newest + 1 - this.#count--) & RING_MASK;
      this.#size -= this.#sizes[oldest] as number;
      const way = this.#owners[oldest] as number;
      if (this.#places[way] !== oldest + 1) continue;
      this.#places[way] = 0;
      this.#values[way] = "";
    }
  }

  #otherSlot(name: string): number {
    const hash = hashOf(name);
    let free = NO_SLOT;
    for (let i = 0; i < PROBES; i++) {
      const other = (hash + i) & (OTHER_SLOTS - 1);
      if (this.#otherNames[other] === name) return KNOWN_SLOTS + other;
      if (free < 0 && this.#isFree(KNOWN_SLOTS + other)) free = other;
    }
    return free < 0 ? NO_SLOT : this.#claim(free, name);
  }

  #isFree(slot: number): boolean {
    return this.#places[slot * WAYS] === 0 && this.#places[slot * WAYS + 1] === 0;
  }

  #claim(other: number, name: string): number {
    const slot = KNOWN_SLOTS + other;
    this.#otherNames[other] = ownCopy(name);
    this.#staticNames[slot] = staticNameIndex(name);
    this.#rules[slot] = ruleOf(name);
    this.#marks[slot] = 0;
    return slot;
  }
}

function staticNameIndex(name: string): number {
  return name === "" ? 0 : Math.max(STATIC_NAMES.indexOf(name), 0);
}

function hashOf(name: string): number {
  const last = name.length - 1;
  return (
    last * 5 + name.charCodeAt(0) * 3 + name.charCodeAt(last >> 1) * 11 + name.charCodeAt(last) * 7
  );
}

/** A number that tells most values apart without reading all of a long one. */
function markOf(value: string): number {
  const last = value.length - 1;
  if (last < 0) return last;
  let mark = last;
  mark = Math.imul(mark, 31) + value.charCodeAt(0);
  mark = Math.imul(mark, 31) + value.charCodeAt(last >> 2);
  mark = Math.imul(mark, 31) + value.charCodeAt(last >> 1);
  mark = Math.imul(mark, 31) + value.charCodeAt(last - (last >> 2));
  mark = Math.imul(mark, 31) + value.charCodeAt(last);
  return mark | 0;
}

function ownCopy(text: string): string {
  if (text.length > scratch.length) return text;
  scratch.write(text, 0, "latin1");
  return scratch.toString("latin1", 0, text.length);
}
