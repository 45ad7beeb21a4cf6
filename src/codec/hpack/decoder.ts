// hot path: no allocation per request
import { byteAt, FIELD_VALUE, SPACE, TAB } from "../http/grammar/character.ts";
import { OTHER } from "../http/header-name.ts";
import { DecoderTable, ENTRY_OVERHEAD, nameIdOf } from "./decoder-table.ts";
import { FIELD_NAMES, fieldIdOf, isFieldName, MALFORMED, PSEUDO } from "./field-id.ts";
import { HuffmanDecoder } from "./huffman-decoder.ts";
import type { HpackViolation } from "./violation.ts";

/** SETTINGS_HEADER_TABLE_SIZE as long as nothing else was announced (RFC 9113 section 6.5.2). */
export const TABLE_SIZE_DEFAULT = 4096;

/** Octets behind an integer's prefix: 28 bits, more than any block is long. */
const CONTINUATIONS_MAX = 4;

const DELETE = 0x7f;

/** Takes the fields of a block, in their order, while the block is being decoded. */
export interface FieldSink {
  /**
   * One field. `id` numbers its name as field-id.ts does, and is `MALFORMED` where the field makes
   * its message malformed. Blanks around a value are gone: RFC 9113 section 8.2.1 would have the
   * message refused, Envoy hands them on, and without them every later hop reads the same. A
   * never-indexed field has to stay one there (RFC 7541 section 6.2.3). False: nothing more of this
   * block is wanted; it is decoded to its end all the same, so that both ends' tables go on to
   * agree.
   */
  field(id: number, name: string, value: string, neverIndexed: boolean): boolean;
}

/** For the strings of all connections, one at a time; no larger than twice the largest block. */
const huffman = new HuffmanDecoder();

/**
 * Decodes header blocks (RFC 7541). One per connection.
 *
 * An indexed field costs no string: the tables hold them. A plain literal is cut out of the whole
 * block's text, which is made once (50 ns, then 6 ns a cut, where a string of its own takes 40);
 * what enters the table is a string of its own, so that no entry holds a block in memory.
 */
export class HpackDecoder {
  readonly #table = new DecoderTable(TABLE_SIZE_DEFAULT);
  /** What the peer may make of the table: our SETTINGS_HEADER_TABLE_SIZE, acknowledged. */
  #sizeMax = TABLE_SIZE_DEFAULT;
  #violation: HpackViolation = "none";
  // The block: its bounds, the next octet, and its text once it was needed.
  #start = 0;
  #end = 0;
  #at = 0;
  #text = "";
  /** Whether the sink takes more. */
  #wanted = true;
  // The string that was read last: where its octets lie.
  #source: Buffer = huffman.text;
  #from = 0;
  #to = 0;
  /** Known to be visible ASCII. */
  #plain = false;
  // The literal field that is being read. Its size is that of its octets, blanks included.
  #added = false;
  #id = OTHER;
  #name = "";
  #value = "";
  #size = 0;
  #wellFormed = true;

  /** The peer has acknowledged our SETTINGS_HEADER_TABLE_SIZE. */
  setTableSizeMax(bytes: number): void {
    this.#sizeMax = bytes;
  }

  /**
   * Decodes the whole block `bytes[start..end)`. After a violation the decoder is of no more use,
   * as is its connection (COMPRESSION_ERROR).
   */
  decode(bytes: Buffer, start: number, end: number, sink: FieldSink): HpackViolation {
    this.#violation = "none";
    this.#start = start;
    this.#end = end;
    this.#at = start;
    this.#wanted = true;
    if (this.#sizeUpdates(bytes)) this.#fields(bytes, sink);
    this.#forget();
    return this.#violation;
  }

  #fields(bytes: Buffer, sink: FieldSink): void {
    while (this.#at < this.#end) {
      const first = byteAt(bytes, this.#at);
      const whole =
        first >= 0x80 ? this.#indexed(bytes, first, sink) : this.#literal(bytes, first, sink);
      if (!whole) return;
    }
  }

  /** An idle connection holds nothing of its last block. */
  #forget(): void {
    this.#text = "";
    this.#name = "";
    this.#value = "";
    this.#source = huffman.text;
  }

  /** The updates at the block's start (section 4.2). */
  #sizeUpdates(bytes: Buffer): boolean {
    while (this.#at < this.#end && byteAt(bytes, this.#at) >> 5 === 1) {
      const size = this.#integer(bytes, 0x1f);
      if (size < 0) return false;
      if (size > this.#sizeMax) return this.#fail("sizeUpdateTooLarge");
      this.#table.resize(size);
    }
    return this.#table.sizeMax <= this.#sizeMax || this.#fail("missingSizeUpdate");
  }

  /** Section 6.1. */
  #indexed(bytes: Buffer, first: number, sink: FieldSink): boolean {
    let index = first & 0x7f;
    this.#at++;
    if (index === 0x7f) index = this.#longInteger(bytes, 0x7f);
    if (!this.#isIndex(index)) return false;
    if (!this.#wanted) return true;
    const entry = this.#table.entry(index);
    this.#wanted = sink.field(entry.id, entry.name, entry.value, false);
    return true;
  }

  /** Section 6.2: literals that are added to the table, that are not, that never may be. */
  #literal(bytes: Buffer, first: number, sink: FieldSink): boolean {
    if (first >> 5 === 1) return this.#fail("lateSizeUpdate");
    this.#added = first >= 0x40;
    const index = this.#integer(bytes, this.#added ? 0x3f : 0x0f);
    if (index === 0 ? !this.#literalName(bytes) : !this.#indexedName(index)) return false;
    if (!this.#literalValue(bytes)) return false;
    const id = this.#wellFormed ? this.#id : MALFORMED;
    if (this.#added) this.#table.add(id, this.#name, this.#value, this.#size);
    if (this.#wanted) this.#wanted = sink.field(id, this.#name, this.#value, first >> 4 === 1);
    return true;
  }

  #indexedName(index: number): boolean {
    if (!this.#isIndex(index)) return false;
    const entry = this.#table.entry(index);
    this.#id = nameIdOf(entry);
    this.#name = entry.name;
    this.#size = this.#name.length + ENTRY_OVERHEAD;
    this.#wellFormed = this.#id !== MALFORMED;
    return true;
  }

  #literalName(bytes: Buffer): boolean {
    if (!this.#string(bytes)) return false;
    const id = fieldIdOf(this.#source, this.#from, this.#to);
    this.#id = id;
    this.#name = id === OTHER ? this.#cut(bytes) : (FIELD_NAMES[id] as string);
    this.#size = this.#to - this.#from + ENTRY_OVERHEAD;
    this.#wellFormed = id !== OTHER || isFieldName(this.#source, this.#from, this.#to);
    return true;
  }

  #literalValue(bytes: Buffer): boolean {
    if (!this.#string(bytes)) return false;
    this.#size += this.#to - this.#from;
    if (!this.#plain && !isValue(this.#source, this.#from, this.#to)) this.#wellFormed = false;
    if (this.#trim() && this.#id >= PSEUDO) this.#wellFormed = false;
    this.#value = this.#cut(bytes);
    return true;
  }

  /** Finds the octets of a string: in the block, or in `huffman.text` where they are coded. */
  #string(bytes: Buffer): boolean {
    const coded = this.#at < this.#end && byteAt(bytes, this.#at) >= 0x80;
    const length = this.#integer(bytes, 0x7f);
    if (length < 0) return false;
    const start = this.#at;
    if (length > this.#end - start) return this.#fail("truncated");
    this.#at = start + length;
    if (coded) return this.#decodeString(bytes, start);
    this.#source = bytes;
    this.#from = start;
    this.#to = this.#at;
    this.#plain = false;
    return true;
  }

  #decodeString(bytes: Buffer, start: number): boolean {
    const violation = huffman.decode(bytes, start, this.#at);
    if (violation !== "none") return this.#fail(violation);
    this.#source = huffman.text;
    this.#from = 0;
    this.#to = huffman.length;
    this.#plain = huffman.common;
    return true;
  }

  /** Takes blanks off both ends of the string; says whether there were any. */
  #trim(): boolean {
    const length = this.#to - this.#from;
    while (this.#to > this.#from && isBlank(byteAt(this.#source, this.#to - 1))) this.#to--;
    while (this.#from < this.#to && isBlank(byteAt(this.#source, this.#from))) this.#from++;
    return this.#to - this.#from < length;
  }

  /** The string as text, where somebody will ask for it. */
  #cut(bytes: Buffer): string {
    if (this.#added || this.#source !== bytes) {
      if (!this.#added && !this.#wanted) return "";
      return this.#source.toString("latin1", this.#from, this.#to);
    }
    if (!this.#wanted) return "";
    if (this.#text === "") this.#text = bytes.toString("latin1", this.#start, this.#end);
    return this.#text.slice(this.#from - this.#start, this.#to - this.#start);
  }

  #isIndex(index: number): boolean {
    if (index > 0 && this.#table.has(index)) return true;
    return index >= 0 && this.#fail(index === 0 ? "indexZero" : "indexTooLarge");
  }

  /** An integer with a prefix of the bits in `mask` (section 5.1), or -1. */
  #integer(bytes: Buffer, mask: number): number {
    if (this.#at >= this.#end) {
      this.#fail("truncated");
      return -1;
    }
    const value = byteAt(bytes, this.#at++) & mask;
    return value < mask ? value : this.#longInteger(bytes, mask);
  }

  #longInteger(bytes: Buffer, mask: number): number {
    let value = mask;
    for (let octet = 0; octet < CONTINUATIONS_MAX; octet++) {
      if (this.#at >= this.#end) {
        this.#fail("truncated");
        return -1;
      }
      const byte = byteAt(bytes, this.#at++);
      value += (byte & 0x7f) << (7 * octet);
      if (byte < 0x80) return value;
    }
    this.#fail("integerTooLarge");
    return -1;
  }

  #fail(violation: HpackViolation): false {
    this.#violation = violation;
    return false;
  }
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}

/** What a field value may hold (RFC 9110 section 5.5). Nearly all are visible ASCII. */
function isValue(bytes: Uint8Array, start: number, end: number): boolean {
  let outside = 0;
  for (let i = start; i < end; i++) {
    const byte = byteAt(bytes, i);
    outside |= (byte - SPACE) | (DELETE - 1 - byte);
  }
  return outside >= 0 || isOddValue(bytes, start, end);
}

function isOddValue(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    if (byteAt(FIELD_VALUE, byteAt(bytes, i)) === 0) return false;
  }
  return true;
}
