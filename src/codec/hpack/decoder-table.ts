// hot path: no allocation per request
import { OTHER } from "../http/header-name.ts";
import { fieldId, isFieldName, MALFORMED } from "./field-id.ts";
import { STATIC_COUNT, STATIC_IDS, STATIC_NAMES, STATIC_VALUES } from "./static-table.ts";

/** What an entry counts beyond its name and value (RFC 7541 section 4.1). */
export const ENTRY_OVERHEAD = 32;

/** Entries that there is room for at first; a power of two. */
const ROOM_AT_FIRST = 16;

/**
 * The static table and one connection's dynamic table, as a decoder sees them (RFC 7541 section
 * 2.3). Bounded by bytes: `sizeMax` / `ENTRY_OVERHEAD` entries at most.
 *
 * ```
 *   index     1 ........ 61 | 62 (newest) ......... 61 + count (oldest, evicted first)
 *   ring slot               | newest & mask .... (newest - count + 1) & mask
 * ```
 */
export class DecoderTable {
  /** Dynamic entries. */
  count = 0;
  /** Bytes of the dynamic entries, each with its overhead. */
  size = 0;
  sizeMax: number;
  #newest = -1;
  #mask: number = ROOM_AT_FIRST - 1;
  #ids: number[] = new Array<number>(ROOM_AT_FIRST).fill(0);
  #names: string[] = new Array<string>(ROOM_AT_FIRST).fill("");
  #values: string[] = new Array<string>(ROOM_AT_FIRST).fill("");
  #sizes: number[] = new Array<number>(ROOM_AT_FIRST).fill(0);

  constructor(sizeMax: number) {
    this.sizeMax = sizeMax;
  }

  has(index: number): boolean {
    return index <= STATIC_COUNT + this.count;
  }

  id(index: number): number {
    if (index <= STATIC_COUNT) return STATIC_IDS[index] as number;
    return this.#ids[this.#slot(index)] as number;
  }

  /** The id of the name alone: `MALFORMED` where it is the name that makes the field so. */
  nameId(index: number): number {
    const id = this.id(index);
    return id === MALFORMED ? idOfSuspect(this.name(index)) : id;
  }

  name(index: number): string {
    if (index <= STATIC_COUNT) return STATIC_NAMES[index] as string;
    return this.#names[this.#slot(index)] as string;
  }

  value(index: number): string {
    if (index <= STATIC_COUNT) return STATIC_VALUES[index] as string;
    return this.#values[this.#slot(index)] as string;
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
    if (this.count > this.#mask) this.#grow();
    const slot = ++this.#newest & this.#mask;
    this.#ids[slot] = id;
    this.#names[slot] = name;
    this.#values[slot] = value;
    this.#sizes[slot] = size;
    this.size += size;
    this.count++;
  }

  #slot(index: number): number {
    return (this.#newest - (index - STATIC_COUNT - 1)) & this.#mask;
  }

  /** Takes the oldest entries out until at most `sizeMax` bytes are left. */
  #evict(sizeMax: number): void {
    while (this.size > sizeMax && this.count > 0) {
      const slot = (this.#newest - --this.count) & this.#mask;
      this.size -= this.#sizes[slot] as number;
      this.#names[slot] = "";
      this.#values[slot] = "";
    }
  }

  #grow(): void {
    const room = (this.#mask + 1) * 2;
    const before = { ids: this.#ids, names: this.#names, values: this.#values, sizes: this.#sizes };
    this.#ids = new Array<number>(room).fill(0);
    this.#names = new Array<string>(room).fill("");
    this.#values = new Array<string>(room).fill("");
    this.#sizes = new Array<number>(room).fill(0);
    for (let i = 0; i < this.count; i++) {
      const from = (this.#newest - i) & this.#mask;
      const to = (this.#newest - i) & (room - 1);
      this.#ids[to] = before.ids[from] as number;
      this.#names[to] = before.names[from] as string;
      this.#values[to] = before.values[from] as string;
      this.#sizes[to] = before.sizes[from] as number;
    }
    this.#mask = room - 1;
  }
}

function idOfSuspect(name: string): number {
  const id = fieldId(name);
  if (id !== OTHER) return id;
  return isFieldName(Buffer.from(name, "latin1"), 0, name.length) ? OTHER : MALFORMED;
}
