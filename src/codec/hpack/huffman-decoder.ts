// hot path: no allocation per request
import { byteAt } from "../http/grammar/character.ts";
import { CODE_BITS, CODE_BITS_MAX, CODES, EOS, SYMBOLS_BY_CODE } from "./huffman-code.ts";
import type { HpackViolation } from "./violation.ts";

/**
 * Bits looked up at once. Twelve hold two letters or digits, and one of any symbol but sixteen
 * visible ones: 1.7 ns a character, where one a lookup of eight bits takes 2.7 ns.
 */
const STEP = 12;
const STEP_MASK: number = (1 << STEP) - 1;

/**
 * By the next `STEP` bits, the symbols whose codes are whole within them:
 * `count << 24 | their bits << 16 | second << 8 | first`; 0 where the first code is longer.
 */
const PAIRS: Uint32Array = pairs();

/** The same with one symbol at most. */
const SINGLES: Uint32Array = singles();

/** By length: the first code behind those of this length, aligned to the top of 32 bits. */
const CODES_END: Uint32Array = new Uint32Array(CODE_BITS_MAX + 1);

/** By length: what to add to a code to find its symbol in `SYMBOLS_BY_CODE`. */
const RANK_OFFSET: Int32Array = new Int32Array(CODE_BITS_MAX + 1);

fillLongCodes();

/** Instead of a code: the end-of-string symbol, or what can only be wrong padding. */
const BAD_EOS = -1;
const BAD_PADDING = -2;

const ROOM_AT_FIRST = 4096;

/** Decodes one string after the other (RFC 7541 section 5.2), each to the start of `text`. */
export class HuffmanDecoder {
  text: Buffer = Buffer.allocUnsafe(ROOM_AT_FIRST);
  length = 0;
  /** Whether all of it has codes of at most `STEP` bits: then all is visible ASCII and blanks. */
  common = true;

  /** Decodes `bytes[start..end)`; says what is wrong with it, where something is. */
  decode(bytes: Uint8Array, start: number, end: number): HpackViolation {
    this.#makeRoom(end - start);
    const text = this.text;
    this.common = true;
    let at = start;
    let length = 0;
    let bits = 0;
    let count = 0;
    for (;;) {
      if (count < STEP) {
        if (at + 1 < end) {
          bits = (bits << 16) | (byteAt(bytes, at) << 8) | byteAt(bytes, at + 1);
          at += 2;
          count += 16;
        } else if (at < end) {
          bits = (bits << 8) | byteAt(bytes, at++);
          count += 8;
          continue;
        } else return this.#finish(bits, count, length);
      }
      const pair = PAIRS[(bits >>> (count - STEP)) & STEP_MASK] as number;
      if (pair !== 0) {
        text[length] = pair;
        text[length + 1] = pair >>> 8;
        length += pair >>> 24;
        count -= (pair >>> 16) & 0xff;
        continue;
      }
      const long = longCode(bytes, at * 8 - count, end);
      if (long < 0) return long === BAD_EOS ? "huffmanEos" : "huffmanPadding";
      this.common = false;
      text[length++] = long;
      const next = at * 8 - count + (long >> 8);
      at = (next + 7) >> 3;
      count = at * 8 - next;
      bits = byteAt(bytes, at - 1);
    }
  }

  /** The last symbols: fewer than `STEP` bits are left, and what is no symbol must be padding. */
  #finish(bits: number, count: number, length: number): HpackViolation {
    let left = count;
    this.length = length;
    for (;;) {
      const padded = ((bits << (STEP - left)) | (STEP_MASK >> left)) & STEP_MASK;
      const single = SINGLES[padded] as number;
      const taken = (single >>> 16) & 0xff;
      if (taken === 0 || taken > left) {
        return left < 8 && padded === STEP_MASK ? "none" : "huffmanPadding";
      }
      this.text[this.length++] = single;
      left -= taken;
    }
  }

  /** No code is shorter than 5 bits, and symbols are written in pairs: twice as much will do. */
  #makeRoom(coded: number): void {
    if (this.text.length < coded * 2) this.text = Buffer.allocUnsafe(coded * 2);
  }
}

/** The code of more than `STEP` bits that begins at a bit: `bits << 8 | symbol`, or what is bad. */
function longCode(bytes: Uint8Array, bit: number, end: number): number {
  const window = windowAt(bytes, bit, end);
  let length = STEP + 1;
  while (length < CODE_BITS_MAX && window >= (CODES_END[length] as number)) length++;
  if (length > end * 8 - bit) return BAD_PADDING;
  const rank = (window >>> (32 - length)) + (RANK_OFFSET[length] as number);
  const symbol = SYMBOLS_BY_CODE[rank] as number;
  return symbol === EOS ? BAD_EOS : (length << 8) | symbol;
}

/** The 32 bits from a bit on, with ones behind the end. */
function windowAt(bytes: Uint8Array, bit: number, end: number): number {
  const at = bit >> 3;
  const shift = bit & 7;
  let window = 0;
  for (let i = 0; i < 4; i++) window = (window << 8) | octet(bytes, at + i, end);
  return ((window << shift) | (octet(bytes, at + 4, end) >> (8 - shift))) >>> 0;
}

function octet(bytes: Uint8Array, at: number, end: number): number {
  return at < end ? byteAt(bytes, at) : 0xff;
}

function singles(): Uint32Array {
  const table = new Uint32Array(1 << STEP);
  for (let symbol = 0; symbol < EOS; symbol++) {
    const bits = byteAt(CODE_BITS, symbol);
    if (bits > STEP) continue;
    const first = (CODES[symbol] as number) << (STEP - bits);
    table.fill((1 << 24) | (bits << 16) | symbol, first, first + (1 << (STEP - bits)));
  }
  return table;
}

function pairs(): Uint32Array {
  const one = singles();
  const table = one.slice();
  for (let window = 0; window < table.length; window++) {
    const first = one[window] as number;
    const bits = (first >>> 16) & 0xff;
    const second = bits === 0 ? 0 : (one[(window << bits) & STEP_MASK] as number);
    const both = bits + ((second >>> 16) & 0xff);
    if (second === 0 || both > STEP) continue;
    table[window] = (2 << 24) | (both << 16) | ((second & 0xff) << 8) | (first & 0xff);
  }
  return table;
}

function fillLongCodes(): void {
  let end = 0;
  let rank = 0;
  for (let bits = 1; bits <= CODE_BITS_MAX; bits++) {
    const one = 2 ** (32 - bits);
    RANK_OFFSET[bits] = rank - end / one;
    for (; rank <= EOS && CODE_BITS[SYMBOLS_BY_CODE[rank] as number] === bits; rank++) end += one;
    CODES_END[bits] = end;
  }
}
