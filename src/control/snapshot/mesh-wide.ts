import type {
  FilterChain,
  HttpConnectionManager,
  HttpFilter,
  Listener,
  TcpProxy,
} from "../../model/listener.ts";
import type { Mesh, MeshSettings, PathNormalization } from "../../model/mesh.ts";
import type { RouteConfiguration } from "../../model/route.ts";

type Filter = HttpConnectionManager | TcpProxy;

/** What the mesh as a whole asks of every outbound listener, and its routes of their own. */
export function asMeshAsks(
  listeners: readonly Listener[],
  mesh: Mesh,
  routes: readonly RouteConfiguration[],
): readonly Listener[] {
  const asked = asSettingsAsk(listeners, mesh.settings);
  const faulty = new Set(routes.filter(injectsFaults).map(({ name }) => name));
  const rules = mesh.routes.flatMap((set) => set.rules);
  const filters: HttpFilter[] = [];
  if (rules.some(({ cors }) => cors !== undefined)) filters.push({ kind: "cors" });
  if (rules.some(({ session }) => session !== undefined)) filters.push(NO_SESSION);
  if (filters.length === 0 && faulty.size === 0) return asked;
  return asked.map((listener) =>
    changed(listener, (filter) => withFilters(filter, [...faultsOf(filter, faulty), ...filters])),
  );
}

/** Only who has a route with faults pays for them. */
function faultsOf(filter: Filter, faulty: ReadonlySet<string>): readonly HttpFilter[] {
  if (filter.kind === "tcp") return [];
  const { routes } = filter;
  const has = routes.kind === "rds" ? faulty.has(routes.name) : injectsFaults(routes.config);
  return has ? [NO_FAULT] : [];
}

function injectsFaults({ virtualHosts }: RouteConfiguration): boolean {
  return virtualHosts.some(({ routes }) =>
    routes.some(({ filterConfigs }) => filterConfigs.fault !== undefined),
  );
}

/** What the settings ask of every listener, in and out: what is logged, which paths are alike. */
export function asSettingsAsk(
  listeners: readonly Listener[],
  { accessLogs, pathNormalization }: MeshSettings,
): readonly Listener[] {
  if (accessLogs.length === 0 && pathNormalization === "base") return listeners;
  const paths = PATHS[pathNormalization];
  return listeners.map((listener) =>
    changed(listener, (filter) =>
      filter.kind === "tcp" ? { ...filter, accessLogs } : { ...filter, ...paths, accessLogs },
    ),
  );
}

type PathRules = Pick<HttpConnectionManager, "normalizePath" | "mergeSlashes" | "escapedSlashes">;

/** Istio: MeshConfig.ProxyPathNormalization, as istiod tells Envoy. */
const PATHS: Readonly<Record<PathNormalization, PathRules>> = {
  none: { normalizePath: false, mergeSlashes: false, escapedSlashes: "keep" },
  base: { normalizePath: true, mergeSlashes: false, escapedSlashes: "keep" },
  mergeSlashes: { normalizePath: true, mergeSlashes: true, escapedSlashes: "keep" },
  decodeAndMergeSlashes: { normalizePath: true, mergeSlashes: true, escapedSlashes: "forward" },
};

function changed(listener: Listener, change: (filter: Filter) => Filter): Listener {
  const chain = (one: FilterChain): FilterChain => ({ ...one, filter: change(one.filter) });
  return {
    ...listener,
    filterChains: listener.filterChains.map(chain),
    defaultFilterChain: listener.defaultFilterChain && chain(listener.defaultFilterChain),
  };
}

/** Routes say which faults there are. */
const NO_FAULT: HttpFilter = {
  kind: "fault",
  fault: {
    delay: undefined,
    abort: undefined,
    upstreamCluster: "",
    headers: [],
    downstreamNodes: [],
    maxActiveFaults: undefined,
  },
};

/** Routes say which sessions there are. */
const NO_SESSION: HttpFilter = { kind: "statefulSession", state: undefined, strict: false };

/** Routes say what filters do; without any that does, no request meets them. */
function withFilters(filter: Filter, filters: readonly HttpFilter[]): Filter {
  if (filter.kind === "tcp") return filter;
  const router = filter.httpFilters.length - 1;
  const before = filter.httpFilters.slice(0, router);
  const after = filter.httpFilters.slice(router);
  return { ...filter, httpFilters: [...before, ...filters, ...after] };
}
