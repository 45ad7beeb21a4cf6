import type { ProxyConfig } from "../../model/bootstrap.ts";
import type { Cluster } from "../../model/cluster.ts";
import type { Listener } from "../../model/listener.ts";
import type { CircuitBreaker } from "../../model/resilience/circuit-breaker.ts";
import type { Route, RouteConfiguration } from "../../model/route.ts";

/** Where a circuit stands. */
export interface CircuitPlace {
  /** The same in all threads, and from one configuration to the next. */
  readonly key: string;
  /** The cluster's or the route's name, for people; the other one is empty. */
  readonly cluster: string;
  readonly route: string;
}

/** A circuit of a configuration. */
export interface PlacedCircuit {
  readonly place: CircuitPlace;
  readonly policy: CircuitBreaker;
  /** What it guards. */
  readonly of: Cluster | Route;
}

/** Every circuit of a configuration once, clusters' and routes'. */
export function circuitsOf({ clusters, listeners, routes }: ProxyConfig): readonly PlacedCircuit[] {
  const found = [
    ...clusters.flatMap(ofCluster),
    ...listeners.flatMap(ofListener),
    ...routes.flatMap((config) => ofRoutes(`routes ${config.name}`, config)),
  ];
  const byKey = new Map<string, PlacedCircuit>();
  for (const one of found) if (!byKey.has(one.place.key)) byKey.set(one.place.key, one);
  return [...byKey.values()];
}

function ofCluster(cluster: Cluster): PlacedCircuit[] {
  const { circuit: policy, name } = cluster;
  if (policy === undefined) return [];
  return [{ place: { key: `cluster ${name}`, cluster: name, route: "" }, policy, of: cluster }];
}

function ofListener({ name, filterChains, defaultFilterChain }: Listener): PlacedCircuit[] {
  const chains = defaultFilterChain === undefined ? [] : [defaultFilterChain];
  return [...filterChains, ...chains].flatMap(({ filter }, i) => {
    if (filter.kind === "tcp" || filter.routes.kind === "rds") return [];
    return ofRoutes(`listener ${name} ${i}`, filter.routes.config);
  });
}

/** A route without a name is known by its number. */
function ofRoutes(at: string, { virtualHosts }: RouteConfiguration): PlacedCircuit[] {
  return virtualHosts.flatMap(({ name: host, routes }) => {
    const names = routes.map(({ name }) => name);
    return routes.flatMap((route, i): PlacedCircuit[] => {
      const { circuit: policy, name } = route;
      if (policy === undefined) return [];
      const own = name !== "" && names.indexOf(name) === i ? name : `${name}#${i}`;
      const place = { key: `${at} ${host} ${own}`, cluster: "", route: name || `${host}#${i}` };
      return [{ place, policy, of: route }];
    });
  });
}
