import type { PeerCertificate } from "../../../identity/peer-certificate.ts";
import { claimsSpiffeId, type SvidFault, svidFault } from "../../../identity/svid.ts";
import { NO_VALIDATION, type TlsValidation } from "../../../model/transport/tls.ts";
import { type ChainError, chainObjection, type Objection } from "./refusal.ts";
import { NameMatchers } from "./san-matcher.ts";
import type { TrustDomains } from "./trust-domains.ts";

/**
 * Whether to believe a peer (Envoy: DefaultCertValidator, SPIFFEValidator). The library verifies
 * the chain up to the trusted authority; trust domains, names and hashes are compared here, on
 * resumed sessions too, and who says that it has a SPIFFE ID must be an SVID: docs/identity.md.
 */
export class Verifier {
  /** With ACCEPT_UNTRUSTED objections are counted, and no more. */
  readonly accepting: boolean;
  readonly #validation: TlsValidation;
  readonly #domains: TrustDomains | undefined;
  readonly #names: NameMatchers;

  /** `domains`: of the validation. Throws where a name's regex is not RE2. */
  constructor(validation: TlsValidation | undefined, domains?: TrustDomains) {
    this.#validation = validation ?? NO_VALIDATION;
    this.#domains = domains;
    this.#names = new NameMatchers(this.#validation.sans);
    this.accepting = this.#validation.acceptUntrusted;
  }

  /** Whether there is anything to look at a certificate for. */
  get wantsCertificate(): boolean {
    return this.#hasAuthority || this.needsCertificate;
  }

  /** Without a certificate there is no name and no hash to compare: Envoy refuses the client. */
  get needsCertificate(): boolean {
    return !this.#names.empty || this.#pinned;
  }

  /** Whether a peer that is believed has been vouched for: by an authority, or by a hash. */
  get vouches(): boolean {
    return (this.#hasAuthority || this.#pinned) && !this.accepting;
  }

  /**
   * What speaks against this certificate. `chainError`: what the TLS library says about its chain,
   * undefined where it is good. Throws a RangeError where the certificate cannot be read.
   */
  objection(peer: PeerCertificate, chainError: ChainError | undefined): Objection | undefined {
    if (!this.wantsCertificate) return undefined;
    if (this.#hasAuthority && chainError !== undefined) return chainRefused(peer, chainError);
    const stranger = this.#domainObjection(peer) ?? this.#svidObjection(peer);
    if (stranger !== undefined) return stranger;
    if (!this.#names.empty && !this.#names.matches(peer.names)) return wrongName(peer);
    if (this.#pinned && !this.#isPinned(peer)) {
      return { stat: "fail_verify_cert_hash", refusal: "hash", details: "cert hash and spki" };
    }
    return undefined;
  }

  get #hasAuthority(): boolean {
    return this.#validation.trustedCa !== undefined || this.#validation.trustDomains !== undefined;
  }

  get #pinned(): boolean {
    const { certificateHashes, certificateSpki } = this.#validation;
    return certificateHashes.length > 0 || certificateSpki.length > 0;
  }

  #domainObjection({ chain, identity }: PeerCertificate): Objection | undefined {
    if (this.#validation.trustDomains === undefined || identity === undefined) return undefined;
    const stat = "fail_verify_error";
    const details = this.#domains?.objection(identity, chain);
    if (details !== undefined) return { stat, refusal: "trust_domain", details };
    if (this.#domains?.revokes(identity, chain) !== true) return undefined;
    return { stat, refusal: "revoked", details: REVOKED };
  }

  #svidObjection({ chain }: PeerCertificate): Objection | undefined {
    const [leaf] = chain;
    if (leaf === undefined) return undefined;
    const mustBeSvid = this.#validation.trustDomains !== undefined || claimsSpiffeId(leaf);
    const refusal = mustBeSvid ? svidFault(leaf) : undefined;
    if (refusal === undefined) return undefined;
    return { stat: "fail_verify_error", refusal, details: `not an X.509-SVID: ${WHY[refusal]}` };
  }

  #isPinned({ sha256, spki }: PeerCertificate): boolean {
    const { certificateHashes, certificateSpki } = this.#validation;
    return certificateHashes.includes(sha256) || certificateSpki.includes(spki);
  }
}

/** The library has one word for several reasons; the certificates themselves tell them apart. */
function chainRefused({ chain }: PeerCertificate, error: ChainError): Objection {
  const objection = chainObjection(error);
  if (objection.refusal !== "wrong_purpose") return objection;
  const [leaf, ...above] = chain;
  if (above.some(({ ca }) => !ca)) return { ...objection, refusal: "no_authority" };
  const fault = leaf !== undefined && claimsSpiffeId(leaf) ? svidFault(leaf) : undefined;
  return fault === "svid_key_usage" ? { ...objection, refusal: fault } : objection;
}

/** The library's words, as Envoy tells them. */
const REVOKED = "X509_verify_cert: certificate verification error: certificate revoked";

const WHY: Readonly<Record<SvidFault, string>> = {
  uri_names: "it has not exactly one URI",
  spiffe_id: "its URI is no SPIFFE ID of a workload",
  svid_authority: "it is an authority",
  svid_key_usage: "its key usage is not that of a leaf",
  svid_extended_key_usage: "its extended key usage is not for clients and servers",
  svid_subject: "without a subject its names must be critical",
};

/** So many names of a refused certificate are told. */
const SHOWN_MAX = 10;

function wrongName({ names: { dns, email, ip, uri } }: PeerCertificate): Objection {
  const shown = [...dns, ...uri, ...email, ...ip].slice(0, SHOWN_MAX).join(", ");
  const details = `SAN matcher, certificate SANs are [${shown}]`;
  return { stat: "fail_verify_san", refusal: "name", details };
}
