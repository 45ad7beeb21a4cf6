import type {
  FilterChain,
  HttpConnectionManager,
  Listener,
  TcpProxy,
} from "../../model/listener.ts";
import type { Mesh } from "../../model/mesh.ts";

type Filter = HttpConnectionManager | TcpProxy;

/** What the mesh as a whole asks of every outbound listener. */
export function asMeshAsks(listeners: readonly Listener[], mesh: Mesh): readonly Listener[] {
  const { accessLogs } = mesh.settings;
  const cors = mesh.routes.some(({ rules }) => rules.some((rule) => rule.cors !== undefined));
  if (accessLogs.length === 0 && !cors) return listeners;
  return listeners.map((listener) =>
    changed(listener, (filter) => ({ ...(cors ? withCors(filter) : filter), accessLogs })),
  );
}

/** The listeners, everything that passes through them logged. */
export function logged(
  listeners: readonly Listener[],
  { accessLogs }: Mesh["settings"],
): readonly Listener[] {
  if (accessLogs.length === 0) return listeners;
  return listeners.map((listener) => changed(listener, (filter) => ({ ...filter, accessLogs })));
}

function changed(listener: Listener, change: (filter: Filter) => Filter): Listener {
  const chain = (one: FilterChain): FilterChain => ({ ...one, filter: change(one.filter) });
  return {
    ...listener,
    filterChains: listener.filterChains.map(chain),
    defaultFilterChain: listener.defaultFilterChain && chain(listener.defaultFilterChain),
  };
}

/** Routes say what is allowed; without any that does, no request meets the filter. */
function withCors(filter: Filter): Filter {
  if (filter.kind === "tcp") return filter;
  const router = filter.httpFilters.length - 1;
  const before = filter.httpFilters.slice(0, router);
  const after = filter.httpFilters.slice(router);
  return { ...filter, httpFilters: [...before, { kind: "cors" }, ...after] };
}
