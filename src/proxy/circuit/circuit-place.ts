import type { ProxyConfig } from "../../model/bootstrap.ts";
import type { Cluster } from "../../model/cluster.ts";
import type { Listener } from "../../model/listener.ts";
import type { CircuitBreaker } from "../../model/resilience/circuit-breaker.ts";
import { routePlace } from "../../model/resilience/circuit-place.ts";
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
  /** What it guards: a cluster, or the routes of a rule. */
  readonly guarded: readonly (Cluster | Route)[];
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
  return [
    { place: { key: `cluster ${name}`, cluster: name, route: "" }, policy, guarded: [cluster] },
  ];
}

function ofListener({ name, filterChains, defaultFilterChain }: Listener): PlacedCircuit[] {
  const chains = defaultFilterChain === undefined ? [] : [defaultFilterChain];
  return [...filterChains, ...chains].flatMap(({ filter }, i) => {
    if (filter.kind === "tcp" || filter.routes.kind === "rds") return [];
    return ofRoutes(`listener ${name} ${i}`, filter.routes.config);
  });
}

function ofRoutes(at: string, { virtualHosts }: RouteConfiguration): PlacedCircuit[] {
  return virtualHosts.flatMap(({ name, routes }) => ofHost(`${at} ${name}`, name, routes));
}

/** One for all routes of a rule: they are called the same and have the same policy. */
function ofHost(at: string, host: string, routes: readonly Route[]): PlacedCircuit[] {
  const byRule = new Map<string, Route[]>();
  const keys = new Set<string>();
  const found: PlacedCircuit[] = [];
  for (const [i, route] of routes.entries()) {
    const { circuit: policy } = route;
    if (policy === undefined) continue;
    const name = routePlace(route, host, i);
    const rule = JSON.stringify([name, policy]);
    const others = byRule.get(rule);
    others?.push(route);
    if (others !== undefined) continue;
    const guarded = [route];
    byRule.set(rule, guarded);
    const key = `${at} ${keys.has(name) ? `${name}#${i}` : name}`;
    keys.add(name);
    found.push({ place: { key, cluster: "", route: name }, policy, guarded });
  }
  return found;
}
