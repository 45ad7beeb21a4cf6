import type { Diagnostic } from "../base/diagnostic.ts";
import type { ConnectionRouteSet } from "./connection-route-set.ts";
import type {
  DestinationPolicy,
  LoadBalancerAlgorithm,
  LocalitySettings,
} from "./destination-policy.ts";
import type { HttpRouteSet } from "./http-route-set.ts";
import type { AccessLog } from "./log/access-log.ts";
import type { Origin } from "./origin.ts";
import type { AuthorizationProvider } from "./policy/authorization-provider.ts";
import { type MeshSecurity, NO_SECURITY } from "./policy/security.ts";
import type { CircuitPolicy } from "./resilience/circuit-policy.ts";
import type { ServiceTraffic } from "./resilience/service-traffic.ts";
import type { Credential } from "./transport/credential.ts";
import type { TlsVersion } from "./transport/tls.ts";

/**
 * The mesh as the dialects describe it: what exists (services, pods) and what is wanted of it
 * (routes, destination policies). Immutable; a change makes a new one. `control/` turns it into
 * one `ProxyConfig` a proxy.
 */
export interface Mesh {
  readonly settings: MeshSettings;
  readonly services: readonly Service[];
  readonly podTemplates: readonly PodTemplate[];
  readonly serviceAccounts: readonly ServiceAccount[];
  readonly namespaces: readonly Namespace[];
  readonly routes: readonly HttpRouteSet[];
  readonly connectionRoutes: readonly ConnectionRouteSet[];
  readonly destinationPolicies: readonly DestinationPolicy[];
  readonly egressPolicies: readonly EgressPolicy[];
  readonly security: MeshSecurity;
  /** Circuits of our own policy; left out: none. */
  readonly circuitBreakers?: readonly CircuitPolicy[];
  /** Out of Kubernetes Secrets; left out: none. */
  readonly credentials?: readonly Credential[];
  /** Everything found while reading, errors included. */
  readonly diagnostics: readonly Diagnostic[];
}

export interface MeshSettings {
  /** `cluster.local`. */
  readonly trustDomain: string;
  /** Other names of it, which policies mean as well (Istio: MeshConfig.trustDomainAliases). */
  readonly trustDomainAliases?: readonly string[] | undefined;
  /** Other meshes whose workloads may connect; what they may do is policy's to say. */
  readonly federatedTrustDomains?: readonly string[] | undefined;
  /**
   * Whether endpoints that take mTLS get it unasked (Istio: MeshConfig.enableAutoMtls); left out:
   * they do.
   */
  readonly autoMtls?: boolean | undefined;
  /** The lowest that sidecars speak (Istio: MeshConfig.meshMTLS); left out: 1.2, as Istio's. */
  readonly minTlsVersion?: TlsVersion | undefined;
  /** `cluster.local`: what a service's FQDN ends in. */
  readonly clusterDomain: string;
  /** `istio-system`: policies there hold for the whole mesh. */
  readonly rootNamespace: string;
  /**
   * How long a client's first bytes are waited for where a port does not say what it speaks; then
   * the connection is TCP. 0: for ever (Istio: MeshConfig.protocolDetectionTimeout).
   */
  readonly protocolDetectionTimeoutMs: number;
  /** What a host outside the registry gets (Istio: MeshConfig.outboundTrafficPolicy). */
  readonly outboundTrafficPolicy: OutboundTrafficPolicy;
  /** Which paths are one and the same (Istio: MeshConfig.pathNormalization). */
  readonly pathNormalization: PathNormalization;
  /** Of every listener of every proxy. */
  readonly accessLogs: readonly AccessLog[];
  /** Servers that policies of action CUSTOM ask (Istio: MeshConfig.extensionProviders). */
  readonly authorizationProviders?: readonly AuthorizationProvider[] | undefined;
  /** Whether sidecars show apps' metrics (Istio: enablePrometheusMerge); left out: they do. */
  readonly mergesAppMetrics?: boolean | undefined;
  /** Where neither a DestinationRule nor the service speaks of places. */
  readonly locality?: LocalitySettings | undefined;
}

export type OutboundTrafficPolicy = "allowAny" | "registryOnly";

export type PathNormalization = "none" | "base" | "mergeSlashes" | "decodeAndMergeSlashes";

export const DEFAULT_SETTINGS: MeshSettings = {
  trustDomain: "cluster.local",
  clusterDomain: "cluster.local",
  rootNamespace: "istio-system",
  protocolDetectionTimeoutMs: 0,
  outboundTrafficPolicy: "allowAny",
  pathNormalization: "base",
  accessLogs: [],
};

/** Nothing has been read yet. */
export const EMPTY_MESH: Mesh = {
  settings: DEFAULT_SETTINGS,
  services: [],
  podTemplates: [],
  serviceAccounts: [],
  namespaces: [],
  routes: [],
  connectionRoutes: [],
  destinationPolicies: [],
  egressPolicies: [],
  security: NO_SECURITY,
  diagnostics: [],
};

export interface Namespace {
  readonly name: string;
  readonly labels: Labels;
  readonly annotations: Labels;
}

export interface ServiceAccount {
  readonly name: string;
  readonly namespace: string;
}

export type Labels = Readonly<Record<string, string>>;

/** What a port speaks, by appProtocol, then the name's prefix, else sniffed (`auto`). */
export type PortProtocol =
  | "http"
  | "http2"
  | "grpc"
  | "grpcWeb"
  | "https"
  | "tls"
  | "tcp"
  | "udp"
  | "auto";

export interface ServicePort {
  /** Empty where the only port has no name. */
  readonly name: string;
  /** 1..65535. */
  readonly port: number;
  /** A number, or the name of a container port. */
  readonly targetPort: number | string;
  readonly protocol: PortProtocol;
}

export type IpFamily = "IPv4" | "IPv6";

/** How the endpoints of a service are found. */
export type Resolution = "pods" | "static" | "dns" | "dnsRoundRobin" | "none";

/** An address that a ServiceEntry (or WorkloadEntry) lists. */
export interface StaticEndpoint {
  /** An IP address, or a DNS name where the resolution is DNS. */
  readonly address: string;
  /** Service port name to port; missing ones take the service's targetPort. */
  readonly ports: Readonly<Record<string, number>>;
  readonly labels: Labels;
  /** `region/zone/subzone`, where it is written; else the labels say. */
  readonly locality?: string;
  /** At least 1. */
  readonly weight: number;
  readonly serviceAccount: string;
}

/** A name that requests are sent to: a Kubernetes Service, or one host of a ServiceEntry. */
export interface Service {
  /** FQDN, as `reviews.default.svc.cluster.local`, or the ServiceEntry's host (may be `*.x`). */
  readonly host: string;
  /** The object's name; a ServiceEntry's host. */
  readonly name: string;
  readonly namespace: string;
  readonly ports: readonly ServicePort[];
  /** Of its addresses, and of its pods' where it is headless; undefined: IPv4 alone. */
  readonly ipFamilies?: readonly IpFamily[];
  /** ClusterIPs as written, ranges (`192.0.2.0/24`) of ServiceEntries; none for headless. */
  readonly addresses: readonly string[];
  readonly headless: boolean;
  /** Labels that its pods carry; undefined: no selector, so no pods. */
  readonly selector: Labels | undefined;
  readonly resolution: Resolution;
  /** For `static` and `dns`. */
  readonly endpoints: readonly StaticEndpoint[];
  /** How it is balanced where no DestinationRule says; Istio's LEAST_REQUEST where left out. */
  readonly algorithm?: LoadBalancerAlgorithm;
  /** `trafficDistribution: PreferClose`: the client's own zone first, then its region. */
  readonly prefersClose?: boolean;
  /** How it wants to be called, by annotations of its own; left out: nothing is said. */
  readonly traffic?: ServiceTraffic;
  /** Names that its certificates may have beside (ServiceEntry); left out: none. */
  readonly subjectAltNames?: readonly string[];
  /** True where a ServiceEntry says MESH_EXTERNAL. */
  readonly external: boolean;
  /** Namespaces that see it: `*`, or names. */
  readonly exportTo: readonly string[];
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly origin: Origin;
}

export interface ContainerPort {
  readonly name: string;
  readonly port: number;
  readonly protocol: "TCP" | "UDP" | "SCTP";
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly ports: readonly ContainerPort[];
  /** Literal values only; others are a diagnostic. */
  readonly env: Labels;
  readonly origin: Origin;
}

/** A Deployment, StatefulSet, DaemonSet or Pod: what pods are made from. */
export interface PodTemplate {
  readonly kind: "Deployment" | "StatefulSet" | "DaemonSet" | "Pod";
  readonly name: string;
  readonly namespace: string;
  /** 1 for a Pod and, on one machine, for a DaemonSet. */
  readonly replicas: number;
  /** The pods' labels and annotations. */
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly serviceAccount: string;
  /** StatefulSet: the headless service that names its pods; else empty. */
  readonly serviceName: string;
  readonly containers: readonly Container[];
  readonly origin: Origin;
}

/** One running (or planned) pod. */
export interface Pod {
  readonly name: string;
  readonly namespace: string;
  /** The pod's IP address. */
  readonly address: string;
  /** Its IPv6 address, where it has one beside. */
  readonly ipv6Address?: string | undefined;
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly serviceAccount: string;
  /** The Deployment's (…) name, as Istio's `WORKLOAD_NAME`. */
  readonly workload: string;
  readonly containers: readonly Container[];
  /** Only ready pods are endpoints. */
  readonly ready: boolean;
  /**
   * Explicit mode: where the app listens behind its sidecar, by container port: a Unix socket's
   * path, or `127.0.0.9:8080`; undefined in intercept mode, where the app is at its own port.
   */
  readonly appSockets: Readonly<Record<number, string>> | undefined;
  /**
   * Its sidecar has a certificate of the mesh; left out: as its label `security.istio.io/tlsMode`
   * says.
   */
  readonly hasIdentity?: boolean;
}

/** Istio's Sidecar, as far as it is executed: what hosts outside the registry get. */
export interface EgressPolicy {
  readonly namespace: string;
  /** Undefined: every pod of the namespace (of the mesh in the root namespace). */
  readonly selector: Labels | undefined;
  readonly outboundTrafficPolicy: OutboundTrafficPolicy;
  readonly origin: Origin;
}

/** True where every wanted label is there with the wanted value. */
export function matchesLabels(labels: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}
