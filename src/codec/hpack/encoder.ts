// hot path: no allocation per request
import type { Output } from "../h2/output.ts";
import { STATIC_NAMES } from "./static-table.ts";

/** Octets that two length prefixes and an index can take. */
const PREFIXES_MAX = 16;

/** Writes header blocks (RFC 7541). One per connection. */
export class HpackEncoder {
  #sizeMax = 4096;

  /** The peer's SETTINGS_HEADER_TABLE_SIZE; the next block begins with the update it asks for. */
  setTableSizeMax(bytes: number): void {
    this.#sizeMax = bytes;
  }

  /** Begins a block: before its first field. */
  startBlock(output: Output): void {
    if (this.#sizeMax >= 4096) return;
    output.room(1);
    output.buffer[output.position++] = 0x20;
  }

  /** One field, its name in lower case; `id` as field-id.ts numbers names. Text is Latin-1. */
  field(output: Output, _id: number, name: string, value: string): void {
    this.#literal(output, 0x00, name, value);
  }

  /** One field that no table may keep, here or at any later hop (section 6.2.3). */
  secretField(output: Output, _id: number, name: string, value: string): void {
    this.#literal(output, 0x10, name, value);
  }

  #literal(output: Output, kind: number, name: string, value: string): void {
    output.room(name.length + value.length + PREFIXES_MAX);
    const index = STATIC_NAMES.indexOf(name);
    if (index > 0) this.#integer(output, kind, 0x0f, index);
    else {
      this.#integer(output, kind, 0x0f, 0);
      this.#string(output, name);
    }
    this.#string(output, value);
  }

  #string(output: Output, text: string): void {
    this.#integer(output, 0, 0x7f, text.length);
    output.position += output.buffer.write(text, output.position, "latin1");
  }

  #integer(output: Output, bits: number, mask: number, value: number): void {
    if (value < mask) {
      output.buffer[output.position++] = bits | value;
      return;
    }
    output.buffer[output.position++] = bits | mask;
    let rest = value - mask;
    for (; rest >= 0x80; rest >>>= 7) output.buffer[output.position++] = (rest & 0x7f) | 0x80;
    output.buffer[output.position++] = rest;
  }
}
