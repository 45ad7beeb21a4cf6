// hot path: no allocation per request
import { isDigit } from "./grammar/character.ts";
import { ID } from "./header-name.ts";
import type { HeaderTable } from "./header-table.ts";
import type { Violation } from "./violation.ts";

/** How a message's end is known (RFC 9112 section 6.3). */
export type BodyKind = "none" | "length" | "chunked" | "untilClose";

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

/**
 * What is wrong with the fields that frame a message, "none" where they are plain: at most one
 * of Content-Length and Transfer-Encoding, at most once, and no name that a careless parser takes
 * for one of the two.
 */
export function framingViolation(headers: HeaderTable, version: number): Violation {
  if (headers.has(ID.content_length) || headers.has(ID.transfer_encoding)) {
    return "ambiguousHeaderName";
  }
  const length = headers.find(ID["content-length"]);
  const coding = headers.find(ID["transfer-encoding"]);
  if (length < 0 && coding < 0) return "none";
  if (length >= 0 && coding >= 0) return "contentLengthAndTransferEncoding";
  if (length >= 0) {
    if (headers.find(ID["content-length"], length + 1) >= 0) return "duplicateContentLength";
    return parseContentLength(headers.value(length)) < 0 ? "badContentLength" : "none";
  }
  // Transfer-Encoding is unknown to HTTP/1.0 (RFC 9112 section 6.1).
  if (version < 11) return "badTransferEncoding";
  if (headers.find(ID["transfer-encoding"], coding + 1) >= 0) return "badTransferEncoding";
  return codingViolation(headers.value(coding));
}

function codingViolation(value: string): Violation {
  if (value === "chunked" || value.toLowerCase() === "chunked") return "none";
  // Codings that end in chunked are legal, but no body that a proxy could frame again.
  const codings = value.toLowerCase().split(",");
  const last = codings.pop() ?? "";
  const known = codings.length > 0 && codings.every(isPlainCoding);
  return last.trim() === "chunked" && known ? "unsupportedTransferEncoding" : "badTransferEncoding";
}

function isPlainCoding(coding: string): boolean {
  const name = coding.trim();
  return name === "gzip" || name === "deflate" || name === "compress" || name === "x-gzip";
}
