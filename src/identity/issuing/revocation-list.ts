/** A list of revoked certificates (RFC 5280 section 5). */
import type { KeyObject } from "node:crypto";
import { CONTEXT } from "../der/reader.ts";
import { bitString, element, integer, sequence, time, unsigned } from "../der/writer.ts";
import { authorityKeyIdentifier, EXTENSION, extension } from "./extensions.ts";
import { algorithmOf, signWith } from "./signature.ts";

export interface RevokedEntry {
  /** Hexadecimal. */
  readonly serial: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface RevocationList {
  /** The issuer's name and key identifier, DER and bytes. */
  readonly issuer: Uint8Array;
  readonly keyIdentifier: Uint8Array;
  /** Milliseconds since 1970. */
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  /** Grows with each list. */
  readonly number: number;
  readonly revoked: readonly RevokedEntry[];
}

/** DER, signed by the issuer's key. */
export function signRevocationList(list: RevocationList, issuerKey: KeyObject): Buffer {
  const algorithm = algorithmOf(issuerKey);
  const entries = list.revoked.map(({ serial, at }) => sequence(serialOf(serial), time(at)));
  const extensions = [
    authorityKeyIdentifier(list.keyIdentifier),
    extension(EXTENSION.crlNumber, false, integer(list.number)),
  ];
  const toBeSigned = sequence(
    integer(1),
    algorithm,
    list.issuer,
    time(list.thisUpdate),
    time(list.nextUpdate),
    // Left out where it would be empty (section 5.1.2.6).
    ...(entries.length > 0 ? [sequence(...entries)] : []),
    element(CONTEXT, sequence(...extensions)),
  );
  return sequence(toBeSigned, algorithm, bitString(signWith(issuerKey, toBeSigned)));
}

function serialOf(hex: string): Buffer {
  return unsigned(Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex"));
}
