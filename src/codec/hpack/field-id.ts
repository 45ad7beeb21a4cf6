import { ByteDictionary } from "../http/grammar/byte-dictionary.ts";
import { byteAt, TOKEN_LOWER } from "../http/grammar/character.ts";
import { HEADER_NAMES, headerId, OTHER } from "../http/header-name.ts";

/**
 * Numbers for the names of fields, pseudo-header fields included (RFC 9113 section 8.3): those of
 * header-name.ts, `OTHER` among them, and from `PSEUDO` on the ones below.
 */
const PSEUDO_NAMES = [":method", ":scheme", ":authority", ":path", ":status", ":protocol"] as const;

/** Ids from here on are pseudo-header fields, or `MALFORMED`. */
export const PSEUDO: number = HEADER_NAMES.length;

export const METHOD: number = pseudoId(":method");
export const SCHEME: number = pseudoId(":scheme");
export const AUTHORITY: number = pseudoId(":authority");
export const PATH: number = pseudoId(":path");
export const STATUS: number = pseudoId(":status");
export const PROTOCOL: number = pseudoId(":protocol");

/**
 * A field that makes its message malformed (RFC 9113 section 8.2.1 and 8.3): a name that is no
 * token in lower case, an unknown pseudo-header field, or a value with forbidden characters.
 */
export const MALFORMED: number = PSEUDO + PSEUDO_NAMES.length;

/** Names by id; empty for `OTHER`. */
export const FIELD_NAMES: readonly string[] = [...HEADER_NAMES, ...PSEUDO_NAMES];

/** Upper case is a mistake here, so that bytes are compared as they are. */
const AS_IT_IS: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => byte);

const dictionary = new ByteDictionary(FIELD_NAMES, AS_IT_IS);

/** The id of the name in `bytes[start..end)`, `OTHER` where it is none of the known ones. */
export function fieldIdOf(bytes: Uint8Array, start: number, end: number): number {
  return dictionary.find(bytes, start, end);
}

/** The id of a well-formed name. */
export function fieldId(name: string): number {
  return name.startsWith(":") ? pseudoId(name) : headerId(name);
}

/** Whether the bytes are a token in lower case (RFC 9113 section 8.2.1). */
export function isFieldName(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const byte = byteAt(bytes, i);
    if (byte === 0 || byteAt(TOKEN_LOWER, byte) !== byte) return false;
  }
  return end > start;
}

function pseudoId(name: string): number {
  const place = (PSEUDO_NAMES as readonly string[]).indexOf(name);
  return place < 0 ? OTHER : PSEUDO + place;
}
