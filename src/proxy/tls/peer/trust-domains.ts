import type { X509Certificate } from "node:crypto";
import { factsOf } from "../../../identity/issuing/certificate-facts.ts";
import { KEY_USAGE } from "../../../identity/issuing/extensions.ts";
import type { TrustDomain } from "../../../model/transport/tls.ts";
import { certificatesOf, type ReadSource } from "../material.ts";

/** So many certificates stand between a leaf and its authority, at most. */
const BETWEEN_MAX = 8;

/**
 * The authorities of each trust domain (Envoy: SPIFFEValidator). The TLS library verifies a chain
 * up to any of them, with its times, lengths and lists of the revoked; here it is seen that it
 * leads to those of the leaf's own domain.
 */
export class TrustDomains {
  readonly #anchors: ReadonlyMap<string, readonly X509Certificate[]>;

  /** Throws an Error that names a bundle that cannot be read. */
  constructor(domains: readonly TrustDomain[], read: ReadSource) {
    this.#anchors = new Map(
      domains.map(({ name, bundle }) => [name, certificatesOf(read(bundle).toString())]),
    );
  }

  /**
   * What is wrong; undefined where all is well.
   *
   * @param identity The leaf's SPIFFE ID.
   * @param chain The leaf, then what was shown with it.
   */
  objection(identity: string, chain: readonly X509Certificate[]): string | undefined {
    const domain = /^spiffe:\/\/([^/]+)/.exec(identity)?.[1] ?? "";
    const anchors = this.#anchors.get(domain);
    if (anchors === undefined) return "no trust bundle store";
    const [leaf, ...between] = chain;
    if (leaf !== undefined && leads(leaf, between, anchors)) return undefined;
    return "the chain does not lead to its own trust domain";
  }
}

/** Whether somebody of `anchors` has signed it, or has signed who has, and so on. */
function leads(
  leaf: X509Certificate,
  between: readonly X509Certificate[],
  anchors: readonly X509Certificate[],
): boolean {
  const left = new Set(between);
  let reached = [leaf];
  for (let depth = 0; depth <= BETWEEN_MAX; depth++) {
    if (reached.some((one) => anchors.some((anchor) => isIssuer(anchor, one)))) return true;
    const issuers = [...left].filter((one) => reached.some((each) => signed(one, each, depth)));
    for (const one of issuers) left.delete(one);
    if (issuers.length === 0) return false;
    reached = issuers;
  }
  return false;
}

/** Who is an authority itself needs no further signature: bundles may hold intermediates. */
function isIssuer(anchor: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(anchor) && certificate.verify(anchor.publicKey);
}

/** `depth`: how many authorities stand below this one, which its path length must allow. */
function signed(issuer: X509Certificate, below: X509Certificate, depth: number): boolean {
  const { authority, keyUsage = KEY_USAGE.keyCertSign, pathLength = depth } = factsOf(issuer);
  const mayHaveSigned = authority && (keyUsage & KEY_USAGE.keyCertSign) !== 0;
  return mayHaveSigned && pathLength >= depth && isIssuer(issuer, below);
}
