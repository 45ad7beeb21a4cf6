import type { FilterChain, Listener } from "../../../model/listener.ts";
import type { Mesh, Pod } from "../../../model/mesh.ts";
import { type InboundPolicies, inboundPolicies } from "./inbound-policies.ts";

/** The inbound listener with what the pod's policies ask of each connection and request. */
export function guarded(listener: Listener, mesh: Mesh, pod: Pod): Listener {
  const portOf = ({ match }: FilterChain): number | undefined =>
    match.destinationPort ?? boundPort(listener);
  const guard = (chain: FilterChain): FilterChain =>
    guardedChain(chain, inboundPolicies(mesh, pod, portOf(chain)));
  const { defaultFilterChain } = listener;
  return {
    ...listener,
    filterChains: listener.filterChains.map(guard),
    defaultFilterChain: defaultFilterChain && guard(defaultFilterChain),
  };
}

function guardedChain(chain: FilterChain, { httpFilters, rbac }: InboundPolicies): FilterChain {
  const { filter } = chain;
  if (filter.kind === "tcp") {
    return rbac.length === 0 ? chain : { ...chain, filter: { ...filter, rbac } };
  }
  if (httpFilters.length === 0) return chain;
  const router = filter.httpFilters.slice(-1);
  const before = filter.httpFilters.slice(0, -1);
  return { ...chain, filter: { ...filter, httpFilters: [...before, ...httpFilters, ...router] } };
}

/** Explicit mode listens at the pod's own ports; `virtualInbound` at one that is nobody's. */
function boundPort({ address, name }: Listener): number | undefined {
  return address.kind === "socket" && name !== "virtualInbound" ? address.port : undefined;
}
