// hot path: no allocation per request
import { byteAt } from "../http/grammar/character.ts";
import { CODE_BITS, CODE_BITS_MAX, CODES, EOS, SYMBOLS_BY_CODE } from "./huffman-code.ts";

/** Bits looked up at once: every letter, digit and usual mark has a code of at most 8. */
const STEP = 8;

/** By the next `STEP` bits: the code's length and symbol, `bits << 8 | symbol`; 0 if longer. */
const SHORT: Uint16Array = shortCodes();

/** By length: the first code behind those of this length, aligned to the top of 32 bits. */
const CODES_END: Uint32Array = new Uint32Array(CODE_BITS_MAX + 1);

/** By length: what to add to a code to find its symbol in `SYMBOLS_BY_CODE`. */
const RANK_OFFSET: Int32Array = new Int32Array(CODE_BITS_MAX + 1);

fillLongCodes();

/** Instead of a length: the string holds the end-of-string symbol, or wrong padding. */
export const BAD_EOS = -1;
export const BAD_PADDING = -2;

/** What coded text of so many bytes can grow to: no code is shorter than 5 bits. */
export function decodedMax(bytes: number): number {
  return Math.ceil((bytes * 8) / 5);
}

/**
 * Decodes `bytes[start..end)` to the beginning of `target`, which has room for `decodedMax`
 * (RFC 7541 section 5.2). Returns how many bytes came out, or `BAD_EOS`, `BAD_PADDING`.
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
    if (count < STEP) {
      if (at === end) return finish(bits, count, target, length);
      bits = (bits << 8) | byteAt(bytes, at++);
      count += 8;
    }
    const short = SHORT[(bits >>> (count - STEP)) & 0xff] as number;
    if (short !== 0) {
      target[length++] = short;
      count -= short >> 8;
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
    const padded = ((bits << (STEP - left)) | (0xff >> left)) & 0xff;
    const short = SHORT[padded] as number;
    if (short === 0 || short >> 8 > left) return padded === 0xff ? total : BAD_PADDING;
    target[total++] = short;
    left -= short >> 8;
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

function shortCodes(): Uint16Array {
  const table = new Uint16Array(1 << STEP);
  for (let symbol = 0; symbol < EOS; symbol++) {
    const bits = CODE_BITS[symbol] as number;
    if (bits > STEP) continue;
    const first = (CODES[symbol] as number) << (STEP - bits);
    table.fill((bits << 8) | symbol, first, first + (1 << (STEP - bits)));
  }
  return table;
}

function fillLongCodes(): void {
  let end = 0;
  for (let bits = 1, rank = 0; bits <= CODE_BITS_MAX; bits++) {
    const offset = rank - end / 2 ** (32 - bits);
    for (; CODE_BITS[SYMBOLS_BY_CODE[rank] ?? 0] === bits && rank <= EOS; rank++) {
      end += 2 ** (32 - bits);
    }
    RANK_OFFSET[bits] = offset;
    CODES_END[bits] = end;
  }
}
