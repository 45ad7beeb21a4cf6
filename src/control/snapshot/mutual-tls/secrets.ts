import type { SecretRef } from "../../../model/transport/secret.ts";

/** The agent's SDS server in Istio's bootstrap; our own proxy's agent answers in its place. */
const AGENT = { kind: "cluster", cluster: "sds-grpc" } as const;

/** The workload's own certificate and key. */
export const WORKLOAD_CERTIFICATE: SecretRef = { name: "default", source: AGENT };
/** Whom the mesh trusts. */
export const TRUST_BUNDLE: SecretRef = { name: "ROOTCA", source: AGENT };

/** What Istio's names of Kubernetes Secrets begin with, and those of CA certificates end in. */
export const CREDENTIAL = "kubernetes://";
export const CREDENTIAL_CA = "-cacert";

/** A Kubernetes Secret's certificate and key, by Istio's name; asked of the ADS stream. */
export function credential(name: string): SecretRef {
  return { name: `${CREDENTIAL}${name}`, source: { kind: "ads" } };
}

/** The CA certificate of the same Secret. */
export function credentialCa(name: string): SecretRef {
  return { name: `${CREDENTIAL}${name}${CREDENTIAL_CA}`, source: { kind: "ads" } };
}
