import type { MeshSettings } from "../../../model/mesh.ts";
import { type DownstreamTls, NO_VALIDATION } from "../../../model/transport/tls.ts";
import { SERVER_HTTP_ALPN, SERVER_TCP_ALPN } from "./alpn.ts";
import { TRUST_BUNDLE, WORKLOAD_CERTIFICATE } from "./secrets.ts";
import { anyWhoIsBelieved, meshTlsVersions } from "./trust.ts";

/**
 * How a sidecar takes mTLS: clients show a certificate of this mesh, or of one that it
 * believes, whoever they are in it.
 */
export function serverTls(settings: MeshSettings, kind: "http" | "tcp"): DownstreamTls {
  return {
    certificates: [],
    certificateSecrets: [WORKLOAD_CERTIFICATE],
    validation: { ...NO_VALIDATION, sans: anyWhoIsBelieved(settings) },
    validationSecret: TRUST_BUNDLE,
    alpnProtocols: kind === "http" ? SERVER_HTTP_ALPN : SERVER_TCP_ALPN,
    ...meshTlsVersions(settings),
    requireClientCertificate: true,
    sessionTickets: true,
  };
}
