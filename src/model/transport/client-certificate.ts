/**
 * Envoy: HttpConnectionManager.ForwardClientCertDetails: what becomes of
 * `x-forwarded-client-cert`. `alwaysForwardOnly` believes anybody.
 */
export type ForwardClientCertMode =
  | "sanitize"
  | "forwardOnly"
  | "appendForward"
  | "sanitizeSet"
  | "alwaysForwardOnly";

/** Envoy: SetCurrentClientCertDetails: what is told of the certificate beside By and Hash. */
export interface ClientCertDetails {
  readonly subject: boolean;
  /** The whole certificate, URL-encoded PEM. */
  readonly cert: boolean;
  readonly chain: boolean;
  readonly dns: boolean;
  readonly uri: boolean;
}

export interface ForwardClientCert {
  readonly mode: ForwardClientCertMode;
  readonly details: ClientCertDetails;
}

/** Envoy's default: nobody is told, and nobody is believed. */
export const SANITIZE_CERTIFICATE: ForwardClientCert = {
  mode: "sanitize",
  details: { subject: false, cert: false, chain: false, dns: false, uri: false },
};
