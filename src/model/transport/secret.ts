import type { TlsCertificate, TlsValidation } from "./tls.ts";

/**
 * Where a secret is asked for (Envoy: SdsSecretConfig.sds_config): the ADS stream, a file that is
 * read again when it changes, a static cluster that speaks SDS, as Istio's agent does on a Unix
 * socket; or, without an `sds_config`, the bootstrap's `static_resources.secrets`.
 */
export type SecretSource =
  | { readonly kind: "static" }
  | { readonly kind: "ads" }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "cluster"; readonly cluster: string };

/** Envoy: extensions.transport_sockets.tls.v3.SdsSecretConfig. */
export interface SecretRef {
  readonly name: string;
  readonly source: SecretSource;
}

/** Envoy: extensions.transport_sockets.tls.v3.Secret, of the kinds that are executed. */
export type Secret =
  | {
      readonly kind: "certificate";
      readonly name: string;
      readonly certificate: TlsCertificate;
    }
  | { readonly kind: "validation"; readonly name: string; readonly validation: TlsValidation };
