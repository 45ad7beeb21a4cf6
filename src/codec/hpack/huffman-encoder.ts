// hot path: no allocation per request
import { byteAt } from "../http/grammar/character.ts";
import { CODE_BITS, CODES } from "./huffman-code.ts";

/** A code of more bits is written in two parts, so that it fits 32 bits beside up to 7 others. */
const PART_BITS = 16;

/** Octets that Latin-1 text takes when it is coded (RFC 7541 section 5.2). */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += byteAt(CODE_BITS, text.charCodeAt(i) & 0xff);
  return (bits + 7) >> 3;
}

/** Writes coded Latin-1 text at `start`, where there is room for it; returns where it ends. */
export function writeHuffman(text: string, target: Uint8Array, start: number): number {
  let at = start;
  let bits = 0;
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i) & 0xff;
    let code = CODES[symbol] as number;
    let left = byteAt(CODE_BITS, symbol);
    if (left > PART_BITS) {
      left -= PART_BITS;
      bits = (bits << left) | (code >>> PART_BITS);
      count += left;
      for (; count >= 8; count -= 8) target[at++] = bits >>> (count - 8);
      code &= 0xffff;
      left = PART_BITS;
    }
    bits = (bits << left) | code;
    count += left;
    for (; count >= 8; count -= 8) target[at++] = bits >>> (count - 8);
  }
  // Padding is the beginning of the end-of-string symbol: ones.
  if (count > 0) target[at++] = (bits << (8 - count)) | (0xff >> count);
  return at;
}
