// hot path: no allocation per request
import { HEADER_NAMES, HEADER_PREFIXES, type HeaderSet, headerId, OTHER } from "./header-name.ts";

/** A removed entry keeps its place. */
const REMOVED = 255;

/** Stands for "still to be cut out of the head"; no field value can hold a NUL. */
const FROM_WIRE = "\0";

/** Fields that there is room for at first: enough for most messages. */
const ROOM_AT_FIRST = 24;

/**
 * The header fields of one message, in their order. A parsed field is four offsets into the
 * head's text, and becomes a string only when somebody asks. Names are lower case throughout.
 *
 * ```
 *   text   "GET / HTTP/1.1\r\nHost: reviews\r\n\r\n"
 *                           ^   ^ ^      ^
 *   spans                   name  value       ids [HOST]
 * ```
 * Reused from message to message: `reset()` first.
 */
export class HeaderTable {
  /** Fields, removed ones included: indices run from 0 to this. */
  count = 0;
  #text = "";
  #capacity = 0;
  #ids = new Uint8Array(0);
  #spans = new Uint32Array(0);
  readonly #names: string[] = [];
  readonly #values: string[] = [];
  /** Which known ids occur, as 64 bits: most questions are about headers that are absent. */
  #seenLow = 0;
  #seenHigh = 0;
  /** 1 for what came as never indexed (RFC 7541 section 6.2.3); all 0 unless `#hasSecrets`. */
  #secrets = new Uint8Array(0);
  #hasSecrets = false;

  constructor() {
    this.#grow(ROOM_AT_FIRST);
  }

  reset(): void {
    for (let i = 0; i < this.count; i++) this.#values[i] = "";
    this.#text = "";
    this.count = 0;
    this.#seenLow = 0;
    this.#seenHigh = 0;
    if (!this.#hasSecrets) return;
    this.#hasSecrets = false;
    this.#secrets.fill(0);
  }

  /** Becomes what the other table is, without its removed fields. */
  copy(from: HeaderTable): void {
    this.reset();
    for (let i = 0; i < from.count; i++) {
      if (from.removedAt(i)) continue;
      this.add(from.id(i), from.name(i), from.value(i));
      if (from.secretAt(i)) this.markSecret(this.count - 1);
    }
  }

  /** Adds a parsed field; the offsets count from the start of the head. */
  push(id: number, nameStart: number, nameEnd: number, start: number, end: number): void {
    const index = this.#open(id);
    this.#names[index] = HEADER_NAMES[id] as string;
    this.#values[index] = FROM_WIRE;
    const span = index * 4;
    this.#spans[span] = nameStart;
    this.#spans[span + 1] = nameEnd;
    this.#spans[span + 2] = start;
    this.#spans[span + 3] = end;
  }

  /** Gives the parsed fields the head that their offsets point into. */
  attach(text: string): void {
    this.#text = text;
  }

  has(id: number): boolean {
    const bit = 1 << (id & 31);
    return ((id < 32 ? this.#seenLow : this.#seenHigh) & bit) !== 0;
  }

  /** Whether one of these occurs. */
  hasAny(names: HeaderSet): boolean {
    return ((this.#seenLow & names.low) | (this.#seenHigh & names.high)) !== 0;
  }

  /** The index of the first field of a known name at or after `from`, or -1. */
  find(id: number, from = 0): number {
    if (!this.has(id)) return -1;
    for (let i = from; i < this.count; i++) if (this.#ids[i] === id) return i;
    return -1;
  }

  /** The first value of a known name; undefined where it is absent. */
  get(id: number): string | undefined {
    const index = this.find(id);
    return index < 0 ? undefined : this.value(index);
  }

  /** As `find`, by a lower case name of any kind. */
  findName(name: string, from = 0): number {
    const id = headerId(name);
    if (id !== OTHER) return this.find(id, from);
    for (let i = from; i < this.count; i++) {
      if (this.#ids[i] === OTHER && this.#nameIs(i, name)) return i;
    }
    return -1;
  }

  /** All values of a name, joined by commas (RFC 9110 section 5.3); undefined where absent. */
  joined(name: string): string | undefined {
    let index = this.findName(name);
    if (index < 0) return undefined;
    let text = this.value(index);
    for (index = this.findName(name, index + 1); index >= 0; ) {
      text += `,${this.value(index)}`;
      index = this.findName(name, index + 1);
    }
    return text;
  }

  removedAt(index: number): boolean {
    return this.#ids[index] === REMOVED;
  }

  /** The id of a field that is not removed: `OTHER` where its name is not known. */
  id(index: number): number {
    return this.#ids[index] as number;
  }

  /** No compressor may keep the field, here or at a later hop (RFC 7541 section 6.2.3). */
  markSecret(index: number): void {
    this.#secrets[index] = 1;
    this.#hasSecrets = true;
  }

  secretAt(index: number): boolean {
    return this.#hasSecrets && this.#secrets[index] === 1;
  }

  name(index: number): string {
    const known = this.#names[index] as string;
    if (known !== "") return known;
    const span = index * 4;
    const name = this.#text
      .slice(this.#spans[span] as number, this.#spans[span + 1] as number)
      .toLowerCase();
    this.#names[index] = name;
    return name;
  }

  value(index: number): string {
    const known = this.#values[index] as string;
    if (known !== FROM_WIRE) return known;
    const span = index * 4;
    const value = this.#text.slice(
      this.#spans[span + 2] as number,
      this.#spans[span + 3] as number,
    );
    this.#values[index] = value;
    return value;
  }

  /** Adds a field at the end. */
  add(id: number, name: string, value: string): void {
    const index = this.#open(id);
    this.#names[index] = name;
    this.#values[index] = value;
  }

  addName(name: string, value: string): void {
    this.add(headerId(name), name, value);
  }

  /** One field of that known name, with that value: in the first one's place, or at the end. */
  set(id: number, value: string): void {
    const index = this.find(id);
    if (index < 0) {
      this.add(id, HEADER_NAMES[id] as string, value);
      return;
    }
    this.#values[index] = value;
    let other = this.find(id, index + 1);
    for (; other >= 0; other = this.find(id, other + 1)) this.#ids[other] = REMOVED;
  }

  setName(name: string, value: string): void {
    const index = this.findName(name);
    if (index < 0) {
      this.addName(name, value);
      return;
    }
    this.#values[index] = value;
    let other = this.findName(name, index + 1);
    for (; other >= 0; other = this.findName(name, other + 1)) this.#ids[other] = REMOVED;
  }

  remove(id: number): void {
    if (!this.has(id)) return;
    for (let i = 0; i < this.count; i++) if (this.#ids[i] === id) this.#ids[i] = REMOVED;
    if (id < 32) this.#seenLow &= ~(1 << (id & 31));
    else this.#seenHigh &= ~(1 << (id & 31));
  }

  removeName(name: string): void {
    const id = headerId(name);
    if (id !== OTHER) {
      this.remove(id);
      return;
    }
    let index = this.findName(name);
    for (; index >= 0; index = this.findName(name, index + 1)) this.#ids[index] = REMOVED;
  }

  /** The fields as they go on the wire: `name: value` and CRLF each, names in lower case. */
  write(): string {
    let out = "";
    for (let i = 0; i < this.count; i++) {
      const id = this.#ids[i] as number;
      if (id === REMOVED) continue;
      const prefix = id === OTHER ? `${this.name(i)}: ` : (HEADER_PREFIXES[id] as string);
      out += `${prefix}${this.value(i)}\r\n`;
    }
    return out;
  }

  /** Bytes of all names and values, as Envoy's `HeaderMap::byteSize` counts them. */
  byteSize(): number {
    let bytes = 0;
    for (let i = 0; i < this.count; i++) {
      if (!this.removedAt(i)) bytes += this.name(i).length + this.value(i).length;
    }
    return bytes;
  }

  #open(id: number): number {
    if (this.count === this.#capacity) this.#grow(this.#capacity * 2);
    const index = this.count++;
    this.#ids[index] = id;
    if (id < 32) this.#seenLow |= 1 << id;
    else this.#seenHigh |= 1 << (id & 31);
    return index;
  }

  #nameIs(index: number, name: string): boolean {
    const known = this.#names[index] as string;
    if (known !== "") return known === name;
    const span = index * 4;
    const length = (this.#spans[span + 1] as number) - (this.#spans[span] as number);
    return length === name.length && this.name(index) === name;
  }

  #grow(capacity: number): void {
    const ids = new Uint8Array(capacity);
    ids.set(this.#ids);
    const spans = new Uint32Array(capacity * 4);
    spans.set(this.#spans);
    const secrets = new Uint8Array(capacity);
    secrets.set(this.#secrets);
    while (this.#names.length < capacity) {
      this.#names.push("");
      this.#values.push("");
    }
    this.#ids = ids;
    this.#spans = spans;
    this.#secrets = secrets;
    this.#capacity = capacity;
  }
}
