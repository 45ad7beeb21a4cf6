import type { Diagnostic } from "../base/diagnostic.ts";
import type { ConnectionRouteSet } from "../model/connection-route-set.ts";
import type { DestinationPolicy } from "../model/destination-policy.ts";
import type { HttpRouteSet } from "../model/http-route-set.ts";
import type { EgressPolicy, MeshSettings, Service } from "../model/mesh.ts";
import { type MeshSecurity, NO_SECURITY } from "../model/policy/security.ts";
import type { CircuitPolicy } from "../model/resilience/circuit-policy.ts";
import type { KubernetesObject } from "./kubernetes/object.ts";

/** One language in which people describe what their mesh shall do. */
export interface Dialect {
  /** As users know it: `istio`, `smi`, `gateway-api`. */
  readonly name: string;
  /** True where the object is written in this dialect, executed or not. */
  speaks(object: KubernetesObject): boolean;
  /**
   * Pure. Gets the objects it speaks for, all of them, so that objects may refer to one another.
   * Never throws: whatever is wrong or not executed is a diagnostic, every finding at once.
   */
  translate(objects: readonly KubernetesObject[], context: DialectContext): Translation;
}

/** What a dialect may know of the rest of the mesh. */
export interface DialectContext {
  readonly settings: MeshSettings;
  /** The Kubernetes Services; those of other dialects (ServiceEntry) are not among them. */
  readonly services: readonly Service[];
}

export interface OpaqueHost {
  readonly host: string;
  /** Both ends belong to a range. */
  readonly ranges: readonly { readonly first: number; readonly last: number }[];
}

/** What a dialect adds to the mesh. */
export interface Translation {
  readonly services: readonly Service[];
  readonly routes: readonly HttpRouteSet[];
  readonly connectionRoutes: readonly ConnectionRouteSet[];
  readonly destinationPolicies: readonly DestinationPolicy[];
  readonly egressPolicies: readonly EgressPolicy[];
  readonly security: MeshSecurity;
  /** Ports of Services, by host, in whose bytes nothing is looked for; left out: none. */
  readonly opaquePorts?: readonly OpaqueHost[];
  /** Left out: none. */
  readonly circuitBreakers?: readonly CircuitPolicy[];
  readonly diagnostics: readonly Diagnostic[];
}

export const EMPTY_TRANSLATION: Translation = {
  services: [],
  routes: [],
  connectionRoutes: [],
  destinationPolicies: [],
  egressPolicies: [],
  security: NO_SECURITY,
  diagnostics: [],
};
