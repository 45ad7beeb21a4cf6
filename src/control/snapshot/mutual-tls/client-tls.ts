import type { TlsSettings } from "../../../model/destination-policy.ts";
import type { MeshSettings, Pod, Service, ServicePort } from "../../../model/mesh.ts";
import { podsOf } from "../../../model/precedence/endpoints.ts";
import {
  type DataSource,
  NO_VALIDATION,
  type SanKind,
  type SanMatcher,
  type TlsCertificate,
  type TlsValidation,
  type UpstreamTls,
} from "../../../model/transport/tls.ts";
import { credential, credentialCa, TRUST_BUNDLE, WORKLOAD_CERTIFICATE } from "./secrets.ts";
import { anyOfMesh, meshTlsVersions, principalOf, trustDomains } from "./trust.ts";

type Account = Pick<Pod, "namespace" | "serviceAccount">;
type Served = Pick<Pod, "namespace" | "labels" | "serviceAccount">;

/** What one cluster is, as far as its TLS depends on it. */
export interface TlsTarget {
  readonly service: Service;
  readonly port: ServicePort;
  readonly subset: string;
  /** Those that run. */
  readonly pods: readonly Served[];
  /** Those that are meant to. */
  readonly templates: readonly Served[];
  readonly alpn: readonly string[];
}

/** mTLS between sidecars: this pod's certificate, and the service's accounts on the other end. */
export function meshClientTls(
  target: TlsTarget,
  settings: MeshSettings,
  written?: TlsSettings,
): UpstreamTls {
  const asked = written?.subjectAltNames ?? [];
  const sans = asked.length > 0 ? asked.map(exact) : accounts(target, settings);
  return {
    certificates: [],
    certificateSecrets: [WORKLOAD_CERTIFICATE],
    validation: { ...NO_VALIDATION, sans },
    validationSecret: TRUST_BUNDLE,
    alpnProtocols: target.alpn,
    ...meshTlsVersions(settings),
    sni: written?.sni || meshServerName(target),
    maxSessionKeys: 1,
  };
}

/** Istio's name of a cluster in a ClientHello: `outbound_.80_.v1_.reviews.default.svc…`. */
function meshServerName({ service, port, subset }: TlsTarget): string {
  return `outbound_.${port.port}_.${subset}_.${service.host}`;
}

/**
 * SPIFFE ids of whoever may serve the service, under each of the trust domain's names, and what a
 * ServiceEntry lists. Where nobody is known yet, anybody of the mesh, but nobody else.
 */
function accounts(
  { pods, service, templates }: TlsTarget,
  settings: MeshSettings,
): readonly SanMatcher[] {
  const listed = service.endpoints
    .filter(({ serviceAccount }) => serviceAccount !== "")
    .map(({ serviceAccount }) => ({ namespace: service.namespace, serviceAccount }));
  // Each of the two by itself: each list is indexed once for all services.
  const serving: readonly Account[] = [
    ...podsOf(service, pods),
    ...podsOf(service, templates),
    ...listed,
  ];
  const ids = serving.flatMap(({ namespace, serviceAccount }) =>
    trustDomains(settings).map((domain) => principalOf(domain, namespace, serviceAccount)),
  );
  const all = [...new Set([...ids, ...(service.subjectAltNames ?? [])])].sort();
  return all.length === 0 ? anyOfMesh(settings) : all.map(exact);
}

/** Debian's, and so that of most images; Istio's agent looks for it first as well. */
const SYSTEM_AUTHORITIES: DataSource = { kind: "file", path: "/etc/ssl/certs/ca-certificates.crt" };

/** TLS to a server that is no sidecar: a DestinationRule's SIMPLE and MUTUAL. */
export function originatedTls(
  { service }: TlsTarget,
  settings: TlsSettings,
  alpnProtocols: readonly string[],
): UpstreamTls {
  const { mode, credentialName, insecureSkipVerify } = settings;
  const name = settings.sni || plainHost(service.host);
  const byName = credentialName !== "";
  return {
    certificates: mode === "mutual" && !byName ? certificatesOf(settings) : [],
    ...(mode === "mutual" && byName ? { certificateSecrets: [credential(credentialName)] } : {}),
    validation: insecureSkipVerify ? undefined : validationOf(settings, service, name, byName),
    ...(byName && !insecureSkipVerify ? { validationSecret: credentialCa(credentialName) } : {}),
    alpnProtocols,
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.3",
    cipherSuites: [],
    ecdhCurves: [],
    sni: name,
    maxSessionKeys: 1,
  };
}

/** None where the rule names none: the server then says what it makes of that. */
function certificatesOf({ clientCertificate, privateKey }: TlsSettings): readonly TlsCertificate[] {
  if (clientCertificate === "" || privateKey === "") return [];
  return [{ certificateChain: file(clientCertificate), privateKey: file(privateKey) }];
}

/** Istio's `auto_san_validation`: without names of its own the certificate has to be the host's. */
function validationOf(
  { caCertificates, caCrl, subjectAltNames }: TlsSettings,
  service: Service,
  serverName: string,
  byName: boolean,
): TlsValidation {
  const listed = subjectAltNames.length > 0 ? subjectAltNames : (service.subjectAltNames ?? []);
  const names = listed.length > 0 ? listed : [serverName].filter((name) => name !== "");
  const authorities = caCertificates === "" ? SYSTEM_AUTHORITIES : file(caCertificates);
  return {
    ...NO_VALIDATION,
    trustedCa: byName ? undefined : authorities,
    crl: caCrl === "" ? undefined : file(caCrl),
    sans: names.map(exact),
  };
}

/** A wildcard is no name to ask for. */
function plainHost(host: string): string {
  return host.startsWith("*") ? "" : host;
}

function file(path: string): DataSource {
  return { kind: "file", path };
}

/** What kind of name it is shows in how it is written. */
function exact(name: string): SanMatcher {
  return { san: kindOf(name), match: { kind: "exact", value: name, ignoreCase: false } };
}

function kindOf(name: string): SanKind {
  if (name.includes("://")) return "uri";
  return /^[\d.]+$|:/.test(name) ? "ip" : "dns";
}
