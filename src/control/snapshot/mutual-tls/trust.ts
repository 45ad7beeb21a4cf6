import type { MeshSettings } from "../../../model/mesh.ts";
import type { SanMatcher, TlsContext } from "../../../model/transport/tls.ts";

/** The mesh's own trust domain, and its other names. */
export function trustDomains({ trustDomain, trustDomainAliases = [] }: MeshSettings): string[] {
  return [...new Set([trustDomain, ...trustDomainAliases])];
}

/** `spiffe://cluster.local/ns/default/sa/reviews`. */
export function principalOf(trustDomain: string, namespace: string, account: string): string {
  return `spiffe://${trustDomain}/ns/${namespace}/sa/${account === "" ? "default" : account}`;
}

/** Anybody of the mesh: `spiffe://cluster.local/…`. */
export function anyOfMesh(settings: MeshSettings): readonly SanMatcher[] {
  return trustDomains(settings).map(anyOf);
}

/** Anybody of the mesh, and of those that it believes beside itself. */
export function anyWhoIsBelieved(settings: MeshSettings): readonly SanMatcher[] {
  const { federatedTrustDomains = [] } = settings;
  return [...new Set([...trustDomains(settings), ...federatedTrustDomains])].map(anyOf);
}

function anyOf(trustDomain: string): SanMatcher {
  const match = { kind: "prefix", value: `spiffe://${trustDomain}/`, ignoreCase: false } as const;
  return { san: "uri", match };
}

/** Istio's cipher suites for TLS 1.2, in its order. */
const CIPHER_SUITES: readonly string[] = [
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "AES256-GCM-SHA384",
  "AES128-GCM-SHA256",
];

/** TLS 1.3 wherever both speak it; the lower bound is the mesh's. */
export function meshTlsVersions({
  minTlsVersion = "TLSv1.2",
}: MeshSettings): Pick<TlsContext, "minVersion" | "maxVersion" | "cipherSuites" | "ecdhCurves"> {
  return {
    minVersion: minTlsVersion,
    maxVersion: "TLSv1.3",
    cipherSuites: CIPHER_SUITES,
    ecdhCurves: [],
  };
}
