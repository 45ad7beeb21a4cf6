// hot path: no allocation per request
import { byteAt } from "../http/grammar/character.ts";
import { CODE_BITS, CODE_BITS_MAX, CODES, EOS, SYMBOLS_BY_CODE } from "./huffman-code.ts";

/**
 * Bits looked up at once. Twelve hold two letters or digits, and one of any symbol but sixteen
 * visible ones: 1.7 ns a character, where one symbol per lookup of eight bits takes 2.7 ns.
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

/** Instead of a length: the string holds the end-of-string symbol, or wrong padding. */
export const BAD_EOS = -1;
export const BAD_PADDING = -2;

/** What coded text of so many octets can grow to: no code is shorter than 5 bits. */
export function decodedMax(bytes: number): number {
  return Math.ceil((bytes * 8) / 5);
}

/**
 * Decodes `bytes[start..end)` to the beginning of `target`, which has room for `decodedMax` and
 * one octet more (RFC 7541 section 5.2). Returns the length, or `BAD_EOS`, `BAD_PADDING`.
 */
export function decodeHuffman(
  bytes: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
): number {
  let at = start;
  let length = 0;
  let bits = 0;
  let count = 0;
  for (;;) {
    for (; count <= 16 && at < end; count += 8) bits = (bits << 8) | byteAt(bytes, at++);
    if (count < STEP) return finish(bits, count, target, length);
    const pair = PAIRS[(bits >>> (count - STEP)) & STEP_MASK] as number;
    if (pair !== 0) {
      target[length] = pair;
      target[length + 1] = pair >>> 8;
      length += pair >>> 24;
      count -= (pair >>> 16) & 0xff;
      continue;
    }
    const long = longCode(bytes, at * 8 - count, end);
    if (long < 0) return long;
    target[length++] = long;
    const next = at * 8 - count + (long >> 8);
    at = (next + 7) >> 3;
    count = at * 8 - next;
    bits = byteAt(bytes, at - 1);
  }
}

/** The last symbols: fewer than `STEP` bits are left, and what is no symbol must be padding. */
function finish(bits: number, count: number, target: Uint8Array, length: number): number {
  let left = count;
  let total = length;
  for (;;) {
    const padded = ((bits << (STEP - left)) | (STEP_MASK >> left)) & STEP_MASK;
    const single = SINGLES[padded] as number;
    const taken = (single >>> 16) & 0xff;
    if (taken === 0 || taken > left) return left < 8 && padded === STEP_MASK ? total : BAD_PADDING;
    target[total++] = single;
    left -= taken;
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
  return one.map((first, window) => {
    const bits = (first >>> 16) & 0xff;
    const second = bits === 0 ? 0 : (one[(window << bits) & STEP_MASK] as number);
    const both = bits + ((second >>> 16) & 0xff);
    if (second === 0 || both > STEP) return first;
    return (2 << 24) | (both << 16) | ((second & 0xff) << 8) | (first & 0xff);
  });
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
