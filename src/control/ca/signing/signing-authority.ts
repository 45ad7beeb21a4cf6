import type { KeyObject, X509Certificate } from "node:crypto";
import { pemOf } from "../../../identity/der/pem.ts";
import { type CertificateFacts, serialText } from "../../../identity/issuing/certificate-facts.ts";
import { signCertificate } from "../../../identity/issuing/certificate-form.ts";
import { authorityKeyIdentifier } from "../../../identity/issuing/extensions.ts";

/** A key that may sign certificates, and how its word reaches a root. */
export interface SigningAuthority {
  readonly certificate: X509Certificate;
  readonly facts: CertificateFacts;
  readonly key: KeyObject;
  /** PEM, one certificate each: what a leaf is followed by, without the root. */
  readonly intermediates: readonly string[];
  /** PEM, one certificate each: what peers must trust. */
  readonly roots: readonly string[];
}

/** What a certificate is asked to say. */
export interface Subject {
  readonly publicKey: KeyObject;
  /** DER. */
  readonly name: Uint8Array;
  /** DER, each. */
  readonly extensions: readonly Uint8Array[];
  /** Milliseconds since 1970; both are drawn in to what the authority's own certificate says. */
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface IssuedCertificate {
  /** PEM. */
  readonly leaf: string;
  /** PEM, one certificate each, without the leaf and the roots. */
  readonly intermediates: readonly string[];
  /** PEM, one certificate each. */
  readonly roots: readonly string[];
  /** Lower case hexadecimal, without leading zeros. */
  readonly serial: string;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Makes 16 bytes that nobody can foresee. */
export type RandomBytes = (count: number) => Buffer;

const SERIAL_BYTES = 16;
const SECOND_MS = 1000;

/** Throws a RangeError where the authority's own certificate has run out. */
export function issue(
  authority: SigningAuthority,
  subject: Subject,
  randomBytes: RandomBytes,
): IssuedCertificate {
  const { facts, key } = authority;
  const notBefore = wholeSeconds(Math.max(subject.notBefore, facts.notBefore));
  const notAfter = wholeSeconds(Math.min(subject.notAfter, facts.notAfter));
  if (notAfter <= notBefore) throw new RangeError("the signing certificate has run out");
  const serial = newSerial(randomBytes);
  const der = signCertificate(
    {
      serial,
      issuer: facts.subject,
      subject: subject.name,
      notBefore,
      notAfter,
      publicKey: subject.publicKey,
      extensions: [...subject.extensions, authorityKeyIdentifier(facts.keyIdentifier)],
    },
    key,
  );
  return {
    leaf: pemOf("CERTIFICATE", der),
    intermediates: authority.intermediates,
    roots: authority.roots,
    serial: serialText(serial),
    notBefore,
    notAfter,
  };
}

/**
 * 128 bits of chance, so that none comes twice; the first bits are fixed, so that every serial has
 * the same length, is positive and is not 0 (RFC 5280 section 4.1.2.2).
 */
export function newSerial(randomBytes: RandomBytes): Buffer {
  return Buffer.concat([Buffer.of(0x01), randomBytes(SERIAL_BYTES)]);
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / SECOND_MS) * SECOND_MS;
}
