import { createHash, type X509Certificate } from "node:crypto";
import { spiffeIdOf } from "./spiffe-id.ts";
import { readSubjectAltNames, type SubjectAltNames } from "./subject-alt-names.ts";

/** A certificate as the other side of a TLS connection showed it. */
export interface PeerCertificate {
  readonly names: SubjectAltNames;
  /** The SPIFFE ID, where the certificate is an SVID. */
  readonly identity: string | undefined;
  /** As Envoy's `%DOWNSTREAM_PEER_SUBJECT%`: most specific part first (RFC 2253). */
  readonly subject: string;
  readonly issuer: string;
  /** Lower case hexadecimal. */
  readonly serial: string;
  /** Milliseconds since 1970. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Lower case hexadecimal SHA-256 of the DER. */
  readonly sha256: string;
  /** Base64 SHA-256 of the public key's DER. */
  readonly spki: string;
  /** The certificate itself, then those that were shown with it; not on a resumed session. */
  readonly chain: readonly X509Certificate[];
}

/** So many certificates of a chain are kept: no chain that is believed is longer. */
const CHAIN_MAX = 10;

/** Throws a RangeError where the certificate's names cannot be read. */
export function describePeer(certificate: X509Certificate): PeerCertificate {
  return new DescribedCertificate(certificate);
}

/** What is seldom asked is made when it is. */
class DescribedCertificate implements PeerCertificate {
  readonly names: SubjectAltNames;
  readonly identity: string | undefined;
  readonly sha256: string;
  readonly spki: string;
  readonly #certificate: X509Certificate;

  constructor(certificate: X509Certificate) {
    const { publicKey, raw } = certificate;
    this.#certificate = certificate;
    this.names = readSubjectAltNames(raw);
    this.identity = spiffeIdOf(this.names.uri);
    this.sha256 = createHash("sha256").update(raw).digest("hex");
    this.spki = createHash("sha256")
      .update(publicKey.export({ type: "spki", format: "der" }))
      .digest("base64");
  }

  get subject(): string {
    return rfc2253(this.#certificate.subject);
  }

  get issuer(): string {
    return rfc2253(this.#certificate.issuer);
  }

  get serial(): string {
    return this.#certificate.serialNumber.toLowerCase();
  }

  get notBeforeMs(): number {
    return this.#certificate.validFromDate.getTime();
  }

  get notAfterMs(): number {
    return this.#certificate.validToDate.getTime();
  }

  get chain(): readonly X509Certificate[] {
    const chain: X509Certificate[] = [];
    let next: X509Certificate | undefined = this.#certificate;
    while (next !== undefined && chain.length < CHAIN_MAX) {
      chain.push(next);
      next = next.issuerCertificate;
    }
    return chain;
  }
}

/** Between several values of one part. */
const SEVERAL = /(?<!\\) \+ /;

/**
 * Node prints a line for each part of a name, with what has a meaning escaped; RFC 2253 wants them
 * the other way round, and bytes that are no ASCII escaped as well.
 */
function rfc2253(name: string | undefined): string {
  const parts = (name ?? "").split("\n").map((part) => part.split(SEVERAL).reverse().join("+"));
  return parts
    .reverse()
    .join(",")
    .replaceAll(/[^\0-~]+/g, escaped);
}

function escaped(text: string): string {
  return Buffer.from(text)
    .toString("hex")
    .toUpperCase()
    .replaceAll(/../g, (byte) => `\\${byte}`);
}
