// hot path: no allocation per request
import { OTHER } from "../http/header-name.ts";
import { fieldId, isFieldName, MALFORMED } from "./field-id.ts";
import { STATIC_COUNT, STATIC_IDS, STATIC_NAMES, STATIC_VALUES } from "./static-table.ts";

/** What an entry counts beyond its name and value (RFC 7541 section 4.1). */
export const ENTRY_OVERHEAD = 32;

/** Places that there are at first; a power of two. */
const ROOM_AT_FIRST = 16;

/** One field as a table holds it; one of the dynamic table is written over when it was evicted. */
class Entry {
  id: number;
  name: string;
  value: string;
  size: number;

  constructor(id: number, name: string, value: string, size: number) {
    this.id = id;
    this.name = name;
    this.value = value;
    this.size = size;
  }
}

const STATIC_ENTRIES: readonly Entry[] = STATIC_NAMES.map(staticEntry);

/**
 * The static table and one connection's dynamic table, as a decoder sees them (RFC 7541 section
 * 2.3). Bounded by bytes: `sizeMax` / `ENTRY_OVERHEAD` entries at most.
 *
 * ```
 *   index     1 ........ 61 | 62 (newest) ......... 61 + count (oldest, evicted first)
 *   ring place              | newest & mask .... (newest - count + 1) & mask
 * ```
 */
export class DecoderTable {
  sizeMax: number;
  #size = 0;
  #count = 0;
  #newest = -1;
  #mask: number = ROOM_AT_FIRST - 1;
  #ring: Entry[] = emptyRing(ROOM_AT_FIRST);

  constructor(sizeMax: number) {
    this.sizeMax = sizeMax;
  }

  /** Whether there is an entry of that index, which is at least 1. */
  has(index: number): boolean {
    return index <= STATIC_COUNT + this.#count;
  }

  /** The entry of an index that the table has; valid until the next `add` or `resize`. */
  entry(index: number): Readonly<Entry> {
    if (index <= STATIC_COUNT) return STATIC_ENTRIES[index] as Entry;
    return this.#ring[(this.#newest - (index - STATIC_COUNT - 1)) & this.#mask] as Entry;
  }

  /** Sets the dynamic table's size to what a size update says. */
  resize(sizeMax: number): void {
    this.sizeMax = sizeMax;
    this.#evict(sizeMax);
  }

  /** Adds an entry of `size` bytes with its overhead; one that is too large empties the table. */
  add(id: number, name: string, value: string, size: number): void {
    this.#evict(this.sizeMax - size);
    if (size > this.sizeMax) return;
    if (this.#count > this.#mask) this.#grow();
    const entry = this.#ring[++this.#newest & this.#mask] as Entry;
    entry.id = id;
    entry.name = name;
    entry.value = value;
    entry.size = size;
    this.#size += size;
    this.#count++;
  }

  /** Takes the oldest entries out until at most `sizeMax` bytes are left. */
  #evict(sizeMax: number): void {
    while (this.#size > sizeMax && this.#count > 0) {
      const entry = this.#ring[(this.#newest - --this.#count) & this.#mask] as Entry;
      this.#size -= entry.size;
      entry.name = "";
      entry.value = "";
    }
  }

  #grow(): void {
    const ring = emptyRing(this.#ring.length * 2);
    for (let age = 0; age < this.#count; age++) {
      const place = this.#newest - age;
      ring[place & (ring.length - 1)] = this.#ring[place & this.#mask] as Entry;
    }
    this.#ring = ring;
    this.#mask = ring.length - 1;
  }
}

/** The id of an entry's name alone: `MALFORMED` where it is the name that makes the field so. */
export function nameIdOf(entry: Readonly<Entry>): number {
  return entry.id === MALFORMED ? idOfSuspect(entry.name) : entry.id;
}

function idOfSuspect(name: string): number {
  const id = fieldId(name);
  if (id !== OTHER) return id;
  return isFieldName(Buffer.from(name, "latin1"), 0, name.length) ? OTHER : MALFORMED;
}

function staticEntry(name: string, index: number): Entry {
  return new Entry(STATIC_IDS[index] as number, name, STATIC_VALUES[index] as string, 0);
}

function emptyRing(places: number): Entry[] {
  return Array.from({ length: places }, emptyEntry);
}

function emptyEntry(): Entry {
  return new Entry(OTHER, "", "", 0);
}
