import type { FilterChain, Listener } from "../../../model/listener.ts";
import type { Mesh, Pod } from "../../../model/mesh.ts";
import { portsNamed } from "./access/scope.ts";
import { type InboundPolicies, inboundPolicies } from "./inbound-policies.ts";

const VIRTUAL_INBOUND = "virtualInbound";

/** The inbound listener with what the pod's policies ask of each connection and request. */
export function guarded(open: Listener, mesh: Mesh, pod: Pod): Listener {
  const listener = withNamedPorts(open, portsNamed(mesh, pod));
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

/** Policies may name ports that nobody declares: those are told apart from all others. */
function withNamedPorts(listener: Listener, ports: readonly number[]): Listener {
  const { filterChains, defaultFilterChain } = listener;
  if (listener.name !== VIRTUAL_INBOUND || ports.length === 0) return listener;
  const declared = new Set(filterChains.map(({ match }) => match.destinationPort));
  const undeclared = filterChains.filter(({ match }) => match.destinationPort === undefined);
  const rest = defaultFilterChain === undefined ? undeclared : [...undeclared, defaultFilterChain];
  const named = ports
    .filter((port) => !declared.has(port))
    .flatMap((destinationPort) =>
      rest.map((chain) => ({
        ...chain,
        name: `${chain.name}-${destinationPort}`,
        match: { ...chain.match, destinationPort },
      })),
    );
  return named.length === 0 ? listener : { ...listener, filterChains: [...filterChains, ...named] };
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
  return address.kind === "socket" && name !== VIRTUAL_INBOUND ? address.port : undefined;
}
