import type { PeerCertificate } from "../../identity/peer-certificate.ts";
import { NO_VALIDATION, type TlsValidation } from "../../model/transport/tls.ts";
import { NameMatchers } from "./san-matcher.ts";

/** What Envoy counts a refused certificate as. */
export type VerifyStat =
  | "fail_verify_no_cert"
  | "fail_verify_error"
  | "fail_verify_san"
  | "fail_verify_cert_hash";

/** What was wrong with a certificate. */
export interface Objection {
  readonly stat: VerifyStat;
  /** Envoy's words. */
  readonly details: string;
}

/**
 * Whether to believe a peer (Envoy: DefaultCertValidator). The TLS library verifies the chain up to
 * the trusted authority; names and hashes are compared here, on resumed sessions too.
 */
export class Verifier {
  /** With ACCEPT_UNTRUSTED objections are counted, and no more. */
  readonly accepting: boolean;
  readonly #validation: TlsValidation;
  readonly #names: NameMatchers;

  /** Throws where a name's regex is not RE2. */
  constructor(validation: TlsValidation | undefined) {
    this.#validation = validation ?? NO_VALIDATION;
    this.#names = new NameMatchers(this.#validation.sans);
    this.accepting = this.#validation.acceptUntrusted;
  }

  /** Whether there is anything to look at a certificate for. */
  get wantsCertificate(): boolean {
    return this.#validation.trustedCa !== undefined || this.needsCertificate;
  }

  /** Without a certificate there is no name and no hash to compare: Envoy refuses the client. */
  get needsCertificate(): boolean {
    return !this.#names.empty || this.#pinned;
  }

  /** Whether a peer that is believed has been vouched for: by an authority, or by a hash. */
  get vouches(): boolean {
    const vouched = this.#validation.trustedCa !== undefined || this.#pinned;
    return vouched && !this.accepting;
  }

  /**
   * What speaks against this certificate. `chainError`: what the TLS library says about its chain,
   * undefined where it is good.
   */
  objection(peer: PeerCertificate, chainError: string | undefined): Objection | undefined {
    if (this.#validation.trustedCa !== undefined && chainError !== undefined) {
      const details = `X509_verify_cert: certificate verification error: ${chainError}`;
      return { stat: "fail_verify_error", details };
    }
    if (!this.#names.empty && !this.#names.matches(peer.names)) {
      const { dns, email, ip, uri } = peer.names;
      const shown = [...dns, ...uri, ...email, ...ip].slice(0, SHOWN_MAX).join(", ");
      const details = `SAN matcher, certificate SANs are [${shown}]`;
      return { stat: "fail_verify_san", details };
    }
    if (this.#pinned && !this.#isPinned(peer)) {
      return { stat: "fail_verify_cert_hash", details: "cert hash and spki" };
    }
    return undefined;
  }

  get #pinned(): boolean {
    const { certificateHashes, certificateSpki } = this.#validation;
    return certificateHashes.length > 0 || certificateSpki.length > 0;
  }

  #isPinned({ sha256, spki }: PeerCertificate): boolean {
    const { certificateHashes, certificateSpki } = this.#validation;
    return certificateHashes.includes(sha256) || certificateSpki.includes(spki);
  }
}

/** So many names of a refused certificate are told. */
const SHOWN_MAX = 10;
