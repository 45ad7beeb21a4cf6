// hot path: no allocation per request
import type { Stream } from "./stream.ts";

const SLOTS_AT_FIRST = 16;
const NOT_FOUND = -1;

/**
 * The open streams by their ids. One side's ids are odd and follow one another, so half an id, cut
 * to the table's size, is a place that others seldom want: open addressing with linear probing.
 */
export class StreamTable {
  count = 0;
  #slots: (Stream | undefined)[] = newSlots(SLOTS_AT_FIRST);
  #mask = SLOTS_AT_FIRST - 1;

  get(id: number): Stream | undefined {
    const at = this.#find(id);
    return at === NOT_FOUND ? undefined : this.#slots[at];
  }

  add(stream: Stream): void {
    if (this.count * 2 > this.#mask) this.#grow();
    this.#put(stream);
    this.count++;
  }

  remove(id: number): void {
    let hole = this.#find(id);
    if (hole === NOT_FOUND) return;
    this.count--;
    // What stands behind the hole moves into it where it could not be found otherwise.
    for (let at = (hole + 1) & this.#mask; ; at = (at + 1) & this.#mask) {
      const stream = this.#slots[at];
      if (stream === undefined) break;
      const home = this.#home(stream.id);
      if (((at - home) & this.#mask) < ((at - hole) & this.#mask)) continue;
      this.#slots[hole] = stream;
      hole = at;
    }
    this.#slots[hole] = undefined;
  }

  /** Places in all; `at` gives who stands there, to see every stream. */
  get places(): number {
    return this.#slots.length;
  }

  at(place: number): Stream | undefined {
    return this.#slots[place];
  }

  /** Any stream of a higher id; undefined where there is none. */
  above(id: number): Stream | undefined {
    for (let at = 0; at <= this.#mask; at++) {
      const stream = this.#slots[at];
      if (stream !== undefined && stream.id > id) return stream;
    }
    return undefined;
  }

  #home(id: number): number {
    return (id >>> 1) & this.#mask;
  }

  #find(id: number): number {
    for (let at = this.#home(id); ; at = (at + 1) & this.#mask) {
      const stream = this.#slots[at];
      if (stream === undefined) return NOT_FOUND;
      if (stream.id === id) return at;
    }
  }

  #put(stream: Stream): void {
    let at = this.#home(stream.id);
    while (this.#slots[at] !== undefined) at = (at + 1) & this.#mask;
    this.#slots[at] = stream;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = newSlots(before.length * 2);
    this.#mask = this.#slots.length - 1;
    for (let i = 0; i < before.length; i++) {
      const stream = before[i];
      if (stream !== undefined) this.#put(stream);
    }
  }
}

function newSlots(count: number): (Stream | undefined)[] {
  const slots: (Stream | undefined)[] = [];
  for (let i = 0; i < count; i++) slots.push(undefined);
  return slots;
}
