// hot path: no allocation per request

/**
 * Which bytes may stand where (RFC 9110 section 5.5 and 5.6.2, RFC 9112 section 3). One table
 * lookup a byte; a byte outside the table is 0, which no grammar accepts.
 */

export const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;

const TOKEN_MARKS = "!#$%&'*+-.^_`|~";
const HOST_MARKS = "-._~!$&'()*+;=%";

/** A token's character in lower case, or 0 where a byte cannot be part of a token. */
export const TOKEN_LOWER: Uint8Array = table(isTokenChar, lower);

/** 1 for what a field value may hold: HTAB, SP, visible ASCII, obs-text. */
export const FIELD_VALUE: Uint8Array = table(isFieldValueChar, one);

/** 1 for visible ASCII without `#`: a fragment in a request target is read in two ways. */
export const TARGET: Uint8Array = table(isTargetChar, one);

/** 1 for what a host name may hold; a comma or an `@` is read in two ways. */
export const HOST_CHAR: Uint8Array = table(isHostChar, one);

/** The value of a hexadecimal digit plus 1, so that 0 says "no digit". */
export const HEX_PLUS_ONE: Uint8Array = table(isHexDigit, hexPlusOne);

/** The byte at an index known to be inside. */
export function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] as number;
}

export function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function table(accepts: (byte: number) => boolean, value: (byte: number) => number): Uint8Array {
  const bytes = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte++) if (accepts(byte)) bytes[byte] = value(byte);
  return bytes;
}

function isAlphanumeric(byte: number): boolean {
  const small = byte | 0x20;
  return isDigit(byte) || (small >= 0x61 && small <= 0x7a && byte < 0x80 && byte >= 0x41);
}

function isTokenChar(byte: number): boolean {
  return isAlphanumeric(byte) || (byte < 0x80 && TOKEN_MARKS.includes(String.fromCharCode(byte)));
}

function isHostChar(byte: number): boolean {
  return isAlphanumeric(byte) || (byte < 0x80 && HOST_MARKS.includes(String.fromCharCode(byte)));
}

function isFieldValueChar(byte: number): boolean {
  return byte === TAB || (byte >= SPACE && byte !== 0x7f);
}

function isTargetChar(byte: number): boolean {
  return byte > SPACE && byte < 0x7f && byte !== 0x23;
}

function isHexDigit(byte: number): boolean {
  return isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

function hexPlusOne(byte: number): number {
  return Number.parseInt(String.fromCharCode(byte), 16) + 1;
}

function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}

function one(): number {
  return 1;
}
