import type { ProxyConfig } from "../../model/bootstrap.ts";
import type { Cluster } from "../../model/cluster.ts";
import type { FilterChain, Listener } from "../../model/listener.ts";
import type { RouteConfiguration } from "../../model/route.ts";
import { refusedBackendName } from "./names.ts";

const REFUSALS: readonly string[] = [refusedBackendName(500), refusedBackendName(503)];

/**
 * What in a configuration refers to nothing, as sentences; empty where it may be sent. Clusters in
 * `absent` are known not to exist (a route names a service that nobody declared): a proxy answers
 * 503 for those, and the author was told.
 */
export function inconsistencies(
  config: ProxyConfig,
  absent: ReadonlySet<string>,
): readonly string[] {
  const clusters = new Set(config.clusters.map((cluster) => cluster.name));
  const isKnown = (name: string) =>
    clusters.has(name) || absent.has(name) || REFUSALS.includes(name);
  return [
    ...duplicates("listener", config.listeners),
    ...duplicates("cluster", config.clusters),
    ...duplicates("route configuration", config.routes),
    ...missingRoutes(config),
    ...missingEndpoints(config),
    ...clusterReferences(config)
      .filter(([, name]) => !isKnown(name))
      .map(describeMissing),
  ];
}

type Reference = readonly [from: string, cluster: string];

function describeMissing([from, cluster]: Reference): string {
  return `${from} names the cluster "${cluster}", which does not exist`;
}

function duplicates(what: string, named: readonly { readonly name: string }[]): readonly string[] {
  const seen = new Set<string>();
  return named.flatMap(({ name }) => {
    if (seen.has(name)) return [`there are two ${what}s named "${name}"`];
    seen.add(name);
    return [];
  });
}

function missingRoutes(config: ProxyConfig): readonly string[] {
  const names = new Set(config.routes.map((routes) => routes.name));
  return config.listeners.flatMap((listener) =>
    chainsOf(listener).flatMap(({ filter }) => {
      if (filter.kind !== "http" || filter.routes.kind !== "rds") return [];
      const { name } = filter.routes;
      return names.has(name) ? [] : [`listener "${listener.name}" asks for the routes "${name}"`];
    }),
  );
}

function missingEndpoints(config: ProxyConfig): readonly string[] {
  const names = new Set(config.endpoints.map((assignment) => assignment.clusterName));
  return config.clusters
    .filter((cluster) => cluster.discovery === "eds")
    .filter((cluster) => !names.has(cluster.edsServiceName || cluster.name))
    .map((cluster) => `cluster "${cluster.name}" has no endpoint set`);
}

function clusterReferences(config: ProxyConfig): readonly Reference[] {
  return [
    ...config.clusters.flatMap(({ circuit, name }) => {
      return fallbackReferences(`cluster "${name}"`, circuit);
    }),
    ...config.routes.flatMap(routeReferences),
    ...config.listeners.flatMap((listener) =>
      chainsOf(listener).flatMap((chain) => chainReferences(listener, chain)),
    ),
  ];
}

function chainReferences(listener: Listener, { filter }: FilterChain): readonly Reference[] {
  if (filter.kind === "tcp") {
    return filter.clusters.map(({ cluster }) => [`listener "${listener.name}"`, cluster]);
  }
  return filter.routes.kind === "inline" ? routeReferences(filter.routes.config) : [];
}

function routeReferences(routes: RouteConfiguration): readonly Reference[] {
  return routes.virtualHosts.flatMap((host) =>
    host.routes.flatMap(({ action, circuit }) => {
      const clusters = action.kind === "forward" ? [...action.clusters, ...action.mirrors] : [];
      const from = `host "${host.name}"`;
      const forwarded = clusters.map(({ cluster }): Reference => [from, cluster]);
      return [...forwarded, ...fallbackReferences(from, circuit)];
    }),
  );
}

function fallbackReferences(from: string, circuit: Cluster["circuit"]): readonly Reference[] {
  const fallback = circuit?.fallback;
  return fallback?.kind === "cluster" ? [[from, fallback.cluster]] : [];
}

function chainsOf(listener: Listener): readonly FilterChain[] {
  const { filterChains, defaultFilterChain } = listener;
  return defaultFilterChain === undefined ? filterChains : [...filterChains, defaultFilterChain];
}
