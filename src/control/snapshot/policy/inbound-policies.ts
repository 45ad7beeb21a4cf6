import type { NetworkRbac } from "../../../model/filter/rbac.ts";
import type { HttpFilter } from "../../../model/listener.ts";
import type { Mesh, Pod } from "../../../model/mesh.ts";

/** What a pod's sidecar asks before it serves one port. */
export interface InboundPolicies {
  /** In the order in which they are asked, between telemetry and the router. */
  readonly httpFilters: readonly HttpFilter[];
  /** Of connections that are carried as TCP. */
  readonly rbac: readonly NetworkRbac[];
}

export const NO_POLICIES: InboundPolicies = { httpFilters: [], rbac: [] };

/** Policies that hold for a port of a pod; `port`: undefined for ports that nobody declares. */
export function inboundPolicies(
  _mesh: Mesh,
  _pod: Pod,
  _port: number | undefined,
): InboundPolicies {
  return NO_POLICIES;
}
