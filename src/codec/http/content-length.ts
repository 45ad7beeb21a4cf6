// hot path: no allocation per request
import { isDigit } from "./grammar/character.ts";

const CONTENT_LENGTH_DIGITS_MAX = 16;

/**
 * The value of a Content-Length, or -1: digits alone, no sign, no leading zero, at most 2^53-1.
 * Leading zeros are decimal to one parser and octal to another.
 */
export function parseContentLength(text: string): number {
  const length = text.length;
  if (length === 0 || length > CONTENT_LENGTH_DIGITS_MAX) return -1;
  if (length > 1 && text.charCodeAt(0) === 0x30) return -1;
  let value = 0;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (!isDigit(code)) return -1;
    value = value * 10 + code - 0x30;
  }
  return value <= Number.MAX_SAFE_INTEGER ? value : -1;
}
