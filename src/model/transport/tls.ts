import type { StringMatch } from "../route.ts";
import type { SecretRef } from "./secret.ts";

/** Bytes of a certificate, key or list: read from a file, again when it changes, or given. */
export type DataSource =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "inline"; readonly text: string };

/** Envoy: extensions.transport_sockets.tls.v3.TlsCertificate. PEM. */
export interface TlsCertificate {
  readonly certificateChain: DataSource;
  readonly privateKey: DataSource;
}

/** Envoy: extensions.transport_sockets.tls.v3.TlsParameters.TlsProtocol. */
export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** Which kind of subject alternative name a matcher looks at (RFC 5280 section 4.2.1.6). */
export type SanKind = "dns" | "uri" | "email" | "ip";

/** Envoy: SubjectAltNameMatcher. One of them has to match. */
export interface SanMatcher {
  readonly san: SanKind;
  readonly match: StringMatch;
}

/** Envoy: CertificateValidationContext: whom to believe. */
export interface TlsValidation {
  /** PEM bundle. Undefined: no chain is verified (Envoy's default without a context). */
  readonly trustedCa: DataSource | undefined;
  /** Empty: any name that the CA has signed. */
  readonly sans: readonly SanMatcher[];
  readonly crl: DataSource | undefined;
  /** Lower case hexadecimal SHA-256 of the certificate's DER. Empty: any. */
  readonly certificateHashes: readonly string[];
  /** Base64 SHA-256 of the public key's DER. Empty: any. */
  readonly certificateSpki: readonly string[];
  /** Envoy's ACCEPT_UNTRUSTED: the chain is not verified. */
  readonly acceptUntrusted: boolean;
  /**
   * Envoy's SPIFFE validator (SPIFFECertValidatorConfig): a peer's chain must lead to the bundle of
   * its own trust domain. Takes the place of `trustedCa`; left out: not used.
   */
  readonly trustDomains?: readonly TrustDomain[];
}

/** A trust domain and who may sign for it. */
export interface TrustDomain {
  /** `cluster.local`. */
  readonly name: string;
  /** PEM. */
  readonly bundle: DataSource;
}

/** Envoy: CommonTlsContext with TlsParameters. */
export interface TlsContext {
  /** At most one of each kind of key is used. */
  readonly certificates: readonly TlsCertificate[];
  readonly validation: TlsValidation | undefined;
  /** Envoy: `tls_certificate_sds_secret_configs`, beside `certificates`; left out: none. */
  readonly certificateSecrets?: readonly SecretRef[];
  /**
   * Envoy: `validation_context_sds_secret_config`, or that of `combined_validation_context`, whose
   * default then stands in `validation`; left out: none.
   */
  readonly validationSecret?: SecretRef;
  /**
   * In order of preference. Empty: a listener uses no ALPN; a cluster offers what its protocol is
   * called (`http/1.1`, `h2`, or both under `alpn`), for HTTP alone.
   */
  readonly alpnProtocols: readonly string[];
  readonly minVersion: TlsVersion;
  /** Envoy's default is 1.3 for listeners and, still, 1.2 for clusters. */
  readonly maxVersion: TlsVersion;
  /** OpenSSL's names, TLS 1.2 only; empty: the library's. */
  readonly cipherSuites: readonly string[];
  /** Empty: the library's. */
  readonly ecdhCurves: readonly string[];
}

/** Envoy: DownstreamTlsContext. */
export interface DownstreamTls extends TlsContext {
  readonly requireClientCertificate: boolean;
  /** False: `disable_stateless_session_resumption`. */
  readonly sessionTickets: boolean;
}

/** Envoy: UpstreamTlsContext. */
export interface UpstreamTls extends TlsContext {
  /** Empty: none is sent. */
  readonly sni: string;
  /** Sessions kept for resumption; Envoy's default 1; 0 disables. */
  readonly maxSessionKeys: number;
}

export const NO_VALIDATION: TlsValidation = {
  trustedCa: undefined,
  sans: [],
  crl: undefined,
  certificateHashes: [],
  certificateSpki: [],
  acceptUntrusted: false,
};
