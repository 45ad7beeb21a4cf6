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
  /**
   * Envoy's `initial_fetch_timeout`: how long it is waited for before anything else goes on
   * without; 0: for ever. Left out: see `fetchTimeoutMsOf`.
   */
  readonly initialFetchTimeoutMs?: number;
}

/** Envoy's `initial_fetch_timeout` where it is not set. */
export const INITIAL_FETCH_MS = 15_000;

/** 0: for ever. A cluster that speaks SDS is an agent, for which Istio waits for ever. */
export function fetchTimeoutMsOf({
  initialFetchTimeoutMs,
  source,
}: Pick<SecretRef, "initialFetchTimeoutMs" | "source">): number {
  return initialFetchTimeoutMs ?? (source.kind === "cluster" ? 0 : INITIAL_FETCH_MS);
}

/** Envoy: extensions.transport_sockets.tls.v3.Secret, of the kinds that are executed. */
export type Secret =
  | {
      readonly kind: "certificate";
      readonly name: string;
      readonly certificate: TlsCertificate;
    }
  | { readonly kind: "validation"; readonly name: string; readonly validation: TlsValidation };
