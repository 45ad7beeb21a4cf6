import type { Address } from "./address.ts";

/** Envoy: config.core.v3.HealthStatus, as far as it decides about picking. */
export type HealthStatus = "healthy" | "unhealthy" | "degraded" | "draining";

/** What Istio's metrics say of the workload behind an address. */
export interface WorkloadLabels {
  readonly workload: string;
  readonly namespace: string;
  readonly canonicalName: string;
  readonly canonicalRevision: string;
  readonly app: string;
  readonly version: string;
  readonly cluster: string;
  readonly principal: string;
}

/** How one endpoint is checked otherwise (Envoy: endpoint.v3.Endpoint.HealthCheckConfig). */
export interface EndpointCheck {
  /** 0: the endpoint's own. */
  readonly port: number;
  /** Host of HTTP checks, authority of gRPC's; empty: what the check says. */
  readonly hostname: string;
  /** It is not checked at all, and counts as healthy. */
  readonly disabled: boolean;
}

/** One address that can serve a cluster's requests (Envoy: endpoint.v3.LbEndpoint). */
export interface Endpoint {
  readonly address: Address;
  /** Further ways to the same endpoint (Envoy: `additional_addresses`, happy eyeballs). */
  readonly alternatives?: readonly Address[];
  /** For DNS: the name; for metrics and `hostname`-keyed hashing. Empty when unset. */
  readonly hostname: string;
  /** What hashing knows it by (metadata `envoy.lb.hash_key`); empty: its address. */
  readonly hashKey: string;
  readonly health: HealthStatus;
  /** Only where it is checked otherwise than the others. */
  readonly check?: EndpointCheck;
  /** 1..2^32-1, relative to the other endpoints of the locality. */
  readonly weight: number;
  /** Metadata `envoy.transport_socket_match`, as `tlsMode: istio`; left out: none. */
  readonly transportSocketMatch?: Readonly<Record<string, string>>;
  /**
   * Ours (metadata `outrigger`): why nothing that is sent there can be taken, as a policy about TLS
   * and its line; no connection is then made. Left out: nothing is known against it.
   */
  readonly unreachable?: string;
  /**
   * Travels as filter metadata `istio`: `workload` = `name;namespace;canonical;revision;cluster`
   * plus our own `outrigger` map with app, version, principal. Undefined outside the mesh.
   */
  readonly workload: WorkloadLabels | undefined;
}

export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
}

/** Envoy: endpoint.v3.LocalityLbEndpoints. */
export interface LocalityEndpoints {
  readonly locality: Locality;
  /** 0 is the most preferred. */
  readonly priority: number;
  /** Locality-weighted balancing: 1..2^32-1; 0: unset, no traffic. */
  readonly weight: number;
  /** As an endpoint's; asked where nothing matches the endpoint's own. */
  readonly transportSocketMatch?: Readonly<Record<string, string>>;
  readonly endpoints: readonly Endpoint[];
}

/** Envoy: endpoint.v3.ClusterLoadAssignment. */
export interface ClusterLoadAssignment {
  readonly clusterName: string;
  readonly localities: readonly LocalityEndpoints[];
  /** Percent of an endpoint's share that it can take; Envoy's default 140. */
  readonly overprovisioningFactor: number;
}

/** Envoy's default. */
export const OVERPROVISIONING_FACTOR = 140;

export const NO_LOCALITY: Locality = { region: "", zone: "", subZone: "" };
