// hot path: no allocation per request
import { byteAt, FIELD_VALUE, SPACE, TAB, TOKEN_LOWER } from "../http/grammar/character.ts";
import { DecoderTable, ENTRY_OVERHEAD } from "./decoder-table.ts";
import { FIELD_NAMES, fieldIdOf, MALFORMED, PSEUDO } from "./field-id.ts";
import { BAD_EOS, decodedMax, decodeHuffman } from "./huffman-decoder.ts";
import type { HpackViolation } from "./violation.ts";

/** SETTINGS_HEADER_TABLE_SIZE as long as nothing else was announced (RFC 9113 section 6.5.2). */
export const TABLE_SIZE_DEFAULT = 4096;

/** Octets behind an integer's prefix: 28 bits, more than any block is long. */
const INTEGER_OCTETS_MAX = 4;

/** Takes the fields of a block, in their order, while the block is being decoded. */
export interface FieldSink {
  /**
   * One field. `id` numbers its name as field-id.ts does, and is `MALFORMED` where the field makes
   * its message malformed; blanks around a value are gone. A never-indexed field has to stay one at
   * later hops (RFC 7541 section 6.2.3). False: nothing more of this block is wanted; it is decoded
   * to its end all the same, so that the tables go on to agree.
   */
  field(id: number, name: string, value: string, neverIndexed: boolean): boolean;
}

/** Huffman-coded strings come out here, one at a time, whichever connection they are of. */
let scratch: Buffer = Buffer.allocUnsafe(4096);

/** Decodes header blocks (RFC 7541). One per connection. */
export class HpackDecoder {
  readonly #table = new DecoderTable(TABLE_SIZE_DEFAULT);
  /** What the peer may make of the table: our SETTINGS_HEADER_TABLE_SIZE, acknowledged. */
  #sizeMax = TABLE_SIZE_DEFAULT;
  #at = 0;
  #end = 0;
  #violation: HpackViolation = "none";
  /** Whether the sink takes more. */
  #wanted = true;
  // What the last literal name or value was.
  #id = 0;
  #name = "";
  #nameBytes = 0;
  #value = "";
  #valueBytes = 0;
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
    this.#at = start;
    this.#end = end;
    this.#violation = "none";
    this.#wanted = true;
    if (!this.#sizeUpdates(bytes)) return this.#violation;
    while (this.#at < end) {
      const first = byteAt(bytes, this.#at);
      const whole = first >= 0x80 ? this.#indexed(bytes, sink) : this.#literal(bytes, first, sink);
      if (!whole) return this.#violation;
    }
    return "none";
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
  #indexed(bytes: Buffer, sink: FieldSink): boolean {
    const index = this.#integer(bytes, 0x7f);
    if (!this.#isIndex(index)) return false;
    const table = this.#table;
    if (this.#wanted) {
      this.#wanted = sink.field(table.id(index), table.name(index), table.value(index), false);
    }
    return true;
  }

  /** Section 6.2: literals that are added to the table, that are not, that never may be. */
  #literal(bytes: Buffer, first: number, sink: FieldSink): boolean {
    if (first >> 5 === 1) return this.#fail("lateSizeUpdate");
    const added = first >= 0x40;
    const index = this.#integer(bytes, added ? 0x3f : 0x0f);
    if (index === 0 ? !this.#literalName(bytes) : !this.#indexedName(index)) return false;
    if (!this.#literalValue(bytes)) return false;
    const id = this.#wellFormed ? this.#id : MALFORMED;
    if (added) {
      const size = this.#nameBytes + this.#valueBytes + ENTRY_OVERHEAD;
      this.#table.add(id, this.#name, this.#value, size);
    }
    if (this.#wanted) this.#wanted = sink.field(id, this.#name, this.#value, first >> 4 === 1);
    return true;
  }

  #indexedName(index: number): boolean {
    if (!this.#isIndex(index)) return false;
    this.#id = this.#table.nameId(index);
    this.#name = this.#table.name(index);
    this.#nameBytes = this.#name.length;
    this.#wellFormed = this.#id !== MALFORMED;
    return true;
  }

  #literalName(bytes: Buffer): boolean {
    const huffman = this.#at < this.#end && byteAt(bytes, this.#at) >= 0x80;
    const length = this.#stringLength(bytes);
    if (length < 0) return false;
    let text = bytes;
    let start = this.#at;
    let end = start + length;
    this.#at = end;
    if (huffman) {
      const decoded = this.#huffman(bytes, start, end);
      if (decoded < 0) return false;
      text = scratch;
      start = 0;
      end = decoded;
    }
    const id = fieldIdOf(text, start, end);
    this.#wellFormed = id !== 0 || isName(text, start, end);
    this.#id = id;
    this.#name = id === 0 ? text.toString("latin1", start, end) : (FIELD_NAMES[id] as string);
    this.#nameBytes = end - start;
    return true;
  }

  #literalValue(bytes: Buffer): boolean {
    const huffman = this.#at < this.#end && byteAt(bytes, this.#at) >= 0x80;
    const length = this.#stringLength(bytes);
    if (length < 0) return false;
    let text = bytes;
    let start = this.#at;
    let end = start + length;
    this.#at = end;
    if (huffman) {
      const decoded = this.#huffman(bytes, start, end);
      if (decoded < 0) return false;
      text = scratch;
      start = 0;
      end = decoded;
    }
    this.#valueBytes = end - start;
    for (let i = start; i < end; i++) {
      if (byteAt(FIELD_VALUE, byteAt(text, i)) === 0) this.#wellFormed = false;
    }
    while (end > start && isBlank(byteAt(text, end - 1))) end--;
    while (start < end && isBlank(byteAt(text, start))) start++;
    if (this.#id >= PSEUDO && end - start < this.#valueBytes) this.#wellFormed = false;
    this.#value = text.toString("latin1", start, end);
    return true;
  }

  /** A string's length; its octets then lie at `#at`, all of them within the block. */
  #stringLength(bytes: Buffer): number {
    const length = this.#integer(bytes, 0x7f);
    if (length <= this.#end - this.#at) return length;
    this.#fail("truncated");
    return -1;
  }

  #huffman(bytes: Buffer, start: number, end: number): number {
    const room = decodedMax(end - start);
    if (scratch.length < room) scratch = Buffer.allocUnsafe(room);
    const length = decodeHuffman(bytes, start, end, scratch);
    if (length < 0) this.#fail(length === BAD_EOS ? "huffmanEos" : "huffmanPadding");
    return length;
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
    for (let octet = 0; octet < INTEGER_OCTETS_MAX; octet++) {
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

/** A token in lower case (RFC 9113 section 8.2.1). */
function isName(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const byte = byteAt(bytes, i);
    if (byteAt(TOKEN_LOWER, byte) !== byte || byte === 0) return false;
  }
  return end > start;
}
