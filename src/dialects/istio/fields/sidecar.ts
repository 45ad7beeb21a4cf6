import { CONNECTION_POOL, DESTINATION, SELECTOR_LABELS } from "./common.ts";
import type { FieldTable } from "./field.ts";
import {
  BOOLEAN,
  executed,
  listOf,
  object,
  oneOf,
  reported,
  required,
  STRING,
  UNSIGNED,
} from "./field.ts";

const PORT = object({
  number: executed(UNSIGNED),
  name: executed(STRING),
  protocol: executed(STRING),
  targetPort: executed(UNSIGNED),
});

const CAPTURE = oneOf("DEFAULT", "IPTABLES", "NONE");
const TLS_VERSION = oneOf("TLS_AUTO", "TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3");

const SERVER_TLS = object({
  mode: executed(
    oneOf("PASSTHROUGH", "SIMPLE", "MUTUAL", "AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL"),
  ),
  httpsRedirect: executed(BOOLEAN),
  serverCertificate: executed(STRING),
  privateKey: executed(STRING),
  caCertificates: executed(STRING),
  caCrl: executed(STRING),
  credentialName: executed(STRING),
  credentialNames: executed(listOf(STRING)),
  caCertCredentialName: executed(STRING),
  tlsCertificates: executed(
    listOf(
      object({
        serverCertificate: executed(STRING),
        privateKey: executed(STRING),
        caCertificates: executed(STRING),
      }),
    ),
  ),
  subjectAltNames: executed(listOf(STRING)),
  verifyCertificateSpki: executed(listOf(STRING)),
  verifyCertificateHash: executed(listOf(STRING)),
  insecureSkipVerify: executed(BOOLEAN),
  minProtocolVersion: executed(TLS_VERSION),
  maxProtocolVersion: executed(TLS_VERSION),
  cipherSuites: executed(listOf(STRING)),
  ecdhCurves: executed(listOf(STRING)),
});

export const SIDECAR: FieldTable = {
  workloadSelector: executed(SELECTOR_LABELS),
  outboundTrafficPolicy: executed(
    object({
      mode: executed(oneOf("REGISTRY_ONLY", "ALLOW_ANY")),
      egressProxy: reported(DESTINATION, "unknown hosts are reached straight, not through it"),
    }),
  ),
  egress: reported(
    listOf(
      object({
        hosts: required(listOf(STRING)),
        port: executed(PORT),
        bind: executed(STRING),
        captureMode: executed(CAPTURE),
      }),
    ),
    "the sidecar reaches every service that is exported to its namespace",
  ),
  ingress: reported(
    listOf(
      object({
        port: required(PORT),
        bind: executed(STRING),
        captureMode: executed(CAPTURE),
        defaultEndpoint: executed(STRING),
        tls: executed(SERVER_TLS),
        connectionPool: executed(CONNECTION_POOL),
      }),
    ),
    "inbound listeners follow the pod's services",
  ),
  inboundConnectionPool: reported(CONNECTION_POOL, "inbound connections are not limited by it"),
};
