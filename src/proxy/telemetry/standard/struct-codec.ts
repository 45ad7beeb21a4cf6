/**
 * The part of google.protobuf.Struct that peer metadata needs: maps of strings and of maps.
 *
 *   Struct { map<string, Value> fields = 1 }   an entry is { string key = 1; Value value = 2 }
 *   Value  { null = 1, number = 2, string = 3, bool = 4, Struct = 5, ListValue = 6 }
 *
 * Other values are skipped. Bytes come from strangers: every length is checked, depth and number of
 * fields are bounded, and nothing throws.
 */
export type StructFields = { readonly [key: string]: string | StructFields };

const DEPTH_MAX = 4;
const FIELDS_MAX = 256;

const FIELDS = 1;
const KEY = 1;
const VALUE = 2;
const STRING_VALUE = 3;
const STRUCT_VALUE = 5;
const LENGTH_DELIMITED = 2;

/** Entries sorted by key, as Istio's deterministic serialization. */
export function encodeStruct(fields: StructFields): Uint8Array {
  const entries = Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.concat(
    entries.map(([key, value]) =>
      delimited(
        FIELDS,
        Buffer.concat([delimited(KEY, Buffer.from(key)), delimited(VALUE, encodeValue(value))]),
      ),
    ),
  );
}

/** The strings and structs of a Struct; undefined for bytes that are none. */
export function decodeStruct(bytes: Uint8Array): StructFields | undefined {
  const reader = new Reader(bytes);
  return reader.readStruct(0, bytes.length, 0) && !reader.failed ? reader.result : undefined;
}

function encodeValue(value: string | StructFields): Buffer {
  return typeof value === "string"
    ? delimited(STRING_VALUE, Buffer.from(value))
    : delimited(STRUCT_VALUE, Buffer.from(encodeStruct(value)));
}

function delimited(field: number, content: Buffer): Buffer {
  const head = [(field << 3) | LENGTH_DELIMITED];
  let length = content.length;
  for (; length > 0x7f; length >>>= 7) head.push((length & 0x7f) | 0x80);
  head.push(length);
  return Buffer.concat([Buffer.from(head), content]);
}

/** A cursor over hostile bytes: after the first thing that does not fit, `failed` stays true. */
class Reader {
  readonly result: Record<string, string | StructFields> = Object.create(null);
  failed = false;
  readonly #bytes: Uint8Array;
  #at = 0;
  #fields = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Reads one Struct that fills `start` to `end`; false where the bytes are none. */
  readStruct(start: number, end: number, depth: number, into = this.result): boolean {
    if (depth > DEPTH_MAX) return this.#fail();
    this.#at = start;
    while (this.#at < end && !this.failed) {
      const tag = this.#varint(end);
      if (tag !== tagOf(FIELDS)) {
        this.#skip(tag, end);
        continue;
      }
      const entryEnd = this.#lengthEnd(end);
      if (this.failed) break;
      this.#readEntry(entryEnd, depth, into);
      this.#at = entryEnd;
    }
    return !this.failed;
  }

  #readEntry(end: number, depth: number, into: Record<string, string | StructFields>): void {
    if (++this.#fields > FIELDS_MAX) {
      this.#fail();
      return;
    }
    let key = "";
    let value: string | StructFields | undefined;
    while (this.#at < end && !this.failed) {
      const tag = this.#varint(end);
      if (tag !== tagOf(KEY) && tag !== tagOf(VALUE)) {
        this.#skip(tag, end);
        continue;
      }
      const partEnd = this.#lengthEnd(end);
      if (this.failed) return;
      if (tag === tagOf(KEY)) key = this.#text(this.#at, partEnd);
      else value = this.#readValue(partEnd, depth);
      this.#at = partEnd;
    }
    if (!this.failed && key !== "" && value !== undefined) into[key] = value;
  }

  #readValue(end: number, depth: number): string | StructFields | undefined {
    let value: string | StructFields | undefined;
    while (this.#at < end && !this.failed) {
      const tag = this.#varint(end);
      if (tag !== tagOf(STRING_VALUE) && tag !== tagOf(STRUCT_VALUE)) {
        this.#skip(tag, end);
        continue;
      }
      const partEnd = this.#lengthEnd(end);
      if (this.failed) return undefined;
      if (tag === tagOf(STRING_VALUE)) value = this.#text(this.#at, partEnd);
      else {
        const fields: Record<string, string | StructFields> = Object.create(null);
        this.readStruct(this.#at, partEnd, depth + 1, fields);
        value = fields;
      }
      this.#at = partEnd;
    }
    return value;
  }

  #text(start: number, end: number): string {
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + start, end - start).toString();
  }

  /** Where the length-delimited part that starts here ends. */
  #lengthEnd(end: number): number {
    const length = this.#varint(end);
    if (length > end - this.#at) this.#fail();
    return this.#at + length;
  }

  /** At most 35 bits: no length or tag here needs more. */
  #varint(end: number): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.#at >= end) break;
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    this.#fail();
    return 0;
  }

  #skip(tag: number, end: number): void {
    const wireType = tag & 7;
    if (wireType === 0) this.#varint(end);
    else if (wireType === 1) this.#at += 8;
    else if (wireType === LENGTH_DELIMITED) this.#at = this.#lengthEnd(end);
    else if (wireType === 5) this.#at += 4;
    else this.#fail();
    if (this.#at > end) this.#fail();
  }

  #fail(): false {
    this.failed = true;
    return false;
  }
}

function tagOf(field: number): number {
  return (field << 3) | LENGTH_DELIMITED;
}
