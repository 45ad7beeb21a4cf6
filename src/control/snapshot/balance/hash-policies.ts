import type { HashPolicy } from "../../../model/balance/hash-policy.ts";
import type { FilterChain, Listener } from "../../../model/listener.ts";
import type { ForwardAction, RouteConfiguration } from "../../../model/route.ts";

/** By cluster, what its requests are hashed by; clusters that do not hash are missing. */
export type HashPolicies = ReadonlyMap<string, readonly HashPolicy[]>;

/** Gives each route the hash policies of the clusters that it leads to, as Istio does. */
export function hashedRoutes(
  routes: RouteConfiguration,
  policies: HashPolicies,
): RouteConfiguration {
  if (policies.size === 0) return routes;
  const virtualHosts = routes.virtualHosts.map((host) => ({
    ...host,
    routes: host.routes.map((route) => {
      const { action } = route;
      if (action.kind !== "forward") return route;
      return { ...route, action: { ...action, hashPolicies: policiesOf(action, policies) } };
    }),
  }));
  return { ...routes, virtualHosts };
}

function policiesOf({ clusters }: ForwardAction, policies: HashPolicies): readonly HashPolicy[] {
  const all = clusters.flatMap(({ cluster }) => policies.get(cluster) ?? []);
  const seen = new Set<string>();
  return all.filter((policy) => {
    const key = JSON.stringify(policy);
    return !seen.has(key) && seen.add(key);
  });
}

/** Connections have nothing but their source address to be told apart by. */
export function hashedListeners(
  listeners: readonly Listener[],
  policies: HashPolicies,
): readonly Listener[] {
  if (policies.size === 0) return listeners;
  const hashed = (chain: FilterChain): FilterChain => {
    const { filter } = chain;
    if (filter.kind !== "tcp") return chain;
    const bySource = filter.clusters.some(({ cluster }) =>
      policies.get(cluster)?.some(({ kind }) => kind === "sourceIp"),
    );
    return bySource ? { ...chain, filter: { ...filter, hashesSourceIp: true } } : chain;
  };
  return listeners.map((listener) => ({
    ...listener,
    filterChains: listener.filterChains.map(hashed),
    defaultFilterChain: listener.defaultFilterChain && hashed(listener.defaultFilterChain),
  }));
}
