import type { X509Certificate } from "node:crypto";
import { issuerAndSerialOf, revokedBy } from "../../../identity/revocation.ts";
import type { DataSource, TlsValidation } from "../../../model/transport/tls.ts";
import { certificatesOf, type ReadSource } from "../material.ts";

/** An intermediate more would be none that the library follows. */
const DEPTH_MAX = 100;

/**
 * Whom a context believes, apart from its handshakes: when that changes, those are found again whom
 * the one before has let in.
 */
export class Trust {
  /** Undefined: no chain is looked at. */
  readonly #anchors: ReadonlyMap<string, X509Certificate> | undefined;
  readonly #revoked: ReadonlySet<string>;
  readonly #rest: string;

  /** Throws an Error that names a source that cannot be read. */
  constructor(validation: TlsValidation | undefined, read: ReadSource) {
    const { trustedCa, trustDomains, crl, ...rest } = validation ?? {};
    const bundles: readonly DataSource[] | undefined =
      trustDomains?.map(({ bundle }) => bundle) ?? (trustedCa && [trustedCa]);
    const anchors = bundles?.flatMap((bundle) => certificatesOf(read(bundle).toString()));
    this.#anchors = anchors && new Map(anchors.map((one) => [one.fingerprint256, one]));
    // A domain's lists stand in its bundle.
    const lists = [...(crl === undefined ? [] : [crl]), ...(trustDomains ? (bundles ?? []) : [])];
    this.#revoked = revokedBy(lists.map((source) => read(source).toString()).join("\n"));
    const domains = trustDomains?.map(({ bundle, name }) => [name, withoutLists(read(bundle))]);
    this.#rest = JSON.stringify({ ...rest, domains });
  }

  /** Whether everybody whom the other believes is believed here as well. */
  covers(other: Trust): boolean {
    if (this.#rest !== other.#rest) return false;
    if (!isSubset(this.#revoked, other.#revoked)) return false;
    if (this.#anchors === undefined) return true;
    return other.#anchors !== undefined && isSubset(other.#anchors, this.#anchors);
  }

  /** Whether the chain of a peer leads to somebody who is trusted, and nobody in it is revoked. */
  believes(leaf: X509Certificate): boolean {
    if (this.#anchors === undefined) return true;
    let certificate: X509Certificate | undefined = leaf;
    for (let depth = 0; certificate !== undefined && depth < DEPTH_MAX; depth++) {
      if (this.#anchors.has(certificate.fingerprint256)) return true;
      if (this.#revoked.has(issuerAndSerialOf(certificate.raw))) return false;
      if (this.#isSigned(certificate)) return true;
      const above: X509Certificate | undefined = certificate.issuerCertificate;
      certificate = above === certificate ? undefined : above;
    }
    return false;
  }

  #isSigned(certificate: X509Certificate): boolean {
    for (const anchor of this.#anchors?.values() ?? []) {
      if (certificate.checkIssued(anchor) && certificate.verify(anchor.publicKey)) return true;
    }
    return false;
  }
}

function withoutLists(bundle: Buffer): string {
  return certificatesOf(bundle.toString())
    .map(({ fingerprint256 }) => fingerprint256)
    .join();
}

function isSubset(some: { keys(): Iterable<string> }, all: { has(key: string): boolean }): boolean {
  for (const key of some.keys()) if (!all.has(key)) return false;
  return true;
}
