// hot path: no allocation per request
import { byteAt, TOKEN_LOWER } from "../http/grammar/character.ts";
import { headerId } from "../http/header-name.ts";
import { HeaderTable } from "../http/header-table.ts";
import { mayTrail } from "../http/trailer-name.ts";

const FIELDS_MAX = 100;

/** The fields behind a chunked body, byte by byte as the decoder has checked them. */
export class TrailerFields {
  readonly headers: HeaderTable = new HeaderTable();
  #name = "";
  #value = "";

  reset(): void {
    if (this.headers.count > 0) this.headers.reset();
    this.#name = "";
    this.#value = "";
  }

  nameByte(byte: number): void {
    this.#name += String.fromCharCode(byteAt(TOKEN_LOWER, byte));
  }

  valueByte(byte: number): void {
    this.#value += String.fromCharCode(byte);
  }

  /** A field's line is whole. False where there are too many of them. */
  endLine(): boolean {
    const id = headerId(this.#name);
    if (this.headers.count === FIELDS_MAX) return false;
    if (mayTrail(id, this.#name)) this.headers.add(id, this.#name, withoutBlanks(this.#value));
    this.#name = "";
    this.#value = "";
    return true;
  }
}

function withoutBlanks(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isBlank(value.charCodeAt(start))) start++;
  while (end > start && isBlank(value.charCodeAt(end - 1))) end--;
  return value.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
