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

/** One address that can serve a cluster's requests (Envoy: endpoint.v3.LbEndpoint). */
export interface Endpoint {
  readonly address: Address;
  /** For DNS: the name; for metrics and `hostname`-keyed hashing. Empty when unset. */
  readonly hostname: string;
  readonly health: HealthStatus;
  /** 1..2^32-1, relative to the other endpoints of the locality. */
  readonly weight: number;
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
  /** 0 is the most preferred. Only priority 0 is balanced over so far. */
  readonly priority: number;
  readonly endpoints: readonly Endpoint[];
}

/** Envoy: endpoint.v3.ClusterLoadAssignment. */
export interface ClusterLoadAssignment {
  readonly clusterName: string;
  readonly localities: readonly LocalityEndpoints[];
}

export const NO_LOCALITY: Locality = { region: "", zone: "", subZone: "" };
