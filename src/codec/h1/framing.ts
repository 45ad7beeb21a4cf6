// hot path: no allocation per request
import { parseContentLength } from "../http/content-length.ts";
import { ID } from "../http/header-name.ts";
import type { HeaderTable } from "../http/header-table.ts";
import type { Violation } from "./violation.ts";

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
