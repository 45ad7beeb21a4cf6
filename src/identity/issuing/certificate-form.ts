/** A certificate as it is filled in and signed (RFC 5280 section 4.1). */
import type { KeyObject } from "node:crypto";
import { CONTEXT } from "../der/reader.ts";
import {
  bitString,
  element,
  integer,
  objectIdentifier,
  sequence,
  set,
  time,
  unsigned,
  utf8String,
} from "../der/writer.ts";
import { spkiOf } from "./public-key.ts";
import { algorithmOf, signWith } from "./signature.ts";

export interface CertificateForm {
  /** Big-endian. */
  readonly serial: Uint8Array;
  /** Names are DER: `nameOf`, or the issuer's own bytes. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** Milliseconds since 1970; certificates have whole seconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly publicKey: KeyObject;
  /** DER, each. */
  readonly extensions: readonly Uint8Array[];
}

const ORGANIZATION = "2.5.4.10";
const COMMON_NAME = "2.5.4.3";
/** Version 3, which has extensions. */
const VERSION = element(CONTEXT, integer(2));

/** A certificate, DER, signed by this key. */
export function signCertificate(form: CertificateForm, issuerKey: KeyObject): Buffer {
  const algorithm = algorithmOf(issuerKey);
  const toBeSigned = sequence(
    VERSION,
    unsigned(form.serial),
    algorithm,
    form.issuer,
    sequence(time(form.notBefore), time(form.notAfter)),
    form.subject,
    spkiOf(form.publicKey),
    element(CONTEXT | 3, sequence(...form.extensions)),
  );
  return sequence(toBeSigned, algorithm, bitString(signWith(issuerKey, toBeSigned)));
}

/** A distinguished name, DER; without arguments an empty one. */
export function nameOf(parts: { organization?: string; commonName?: string } = {}): Buffer {
  const { organization, commonName } = parts;
  return sequence(...part(ORGANIZATION, organization), ...part(COMMON_NAME, commonName));
}

function part(id: string, text: string | undefined): Buffer[] {
  if (text === undefined) return [];
  return [set(sequence(objectIdentifier(id), utf8String(text)))];
}
