import type { X509Certificate } from "node:crypto";
import { factsOf } from "../../../identity/issuing/certificate-facts.ts";
import { KEY_USAGE } from "../../../identity/issuing/extensions.ts";
import { issuerAndSerialOf, revokedBy } from "../../../identity/revocation.ts";
import type { TrustDomain } from "../../../model/transport/tls.ts";
import { certificatesOf, type ReadSource } from "../material.ts";

/** So many certificates stand between a leaf and its authority, at most. */
const BETWEEN_MAX = 8;

/** What one bundle holds. */
interface Domain {
  readonly anchors: readonly X509Certificate[];
  /** By `issuerAndSerialOf`. */
  readonly revoked: ReadonlySet<string>;
}

/**
 * The authorities of each trust domain (Envoy: SPIFFEValidator). The TLS library verifies a chain
 * up to any of them, with its times and lengths; here it is seen that it leads to those of the
 * leaf's own domain, and that no list of revoked certificates in that domain's bundle names it.
 */
export class TrustDomains {
  readonly #domains: ReadonlyMap<string, Domain>;

  /** Throws an Error that names a bundle that cannot be read. */
  constructor(domains: readonly TrustDomain[], read: ReadSource) {
    this.#domains = new Map(
      domains.map(({ name, bundle }) => {
        const text = read(bundle).toString();
        return [name, { anchors: certificatesOf(text), revoked: revokedBy(text) }];
      }),
    );
  }

  /**
   * What is wrong; undefined where all is well.
   *
   * @param identity The leaf's SPIFFE ID.
   * @param chain The leaf, then what was shown with it.
   */
  objection(identity: string, chain: readonly X509Certificate[]): string | undefined {
    const domain = this.#domainOf(identity);
    if (domain === undefined) return "no trust bundle store";
    const [leaf, ...between] = chain;
    if (leaf !== undefined && leads(leaf, between, domain.anchors)) return undefined;
    return "the chain does not lead to its own trust domain";
  }

  /** Whether a list of the leaf's own domain names it, or an authority that was shown with it. */
  revokes(identity: string, chain: readonly X509Certificate[]): boolean {
    const revoked = this.#domainOf(identity)?.revoked;
    if (revoked === undefined || revoked.size === 0) return false;
    return chain.some(({ raw }) => revoked.has(issuerAndSerialOf(raw)));
  }

  #domainOf(identity: string): Domain | undefined {
    return this.#domains.get(/^spiffe:\/\/([^/]+)/.exec(identity)?.[1] ?? "");
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
