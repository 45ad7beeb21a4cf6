import { socketAddress } from "../../../model/address.ts";
import type { ProxyConfig } from "../../../model/bootstrap.ts";
import type { Cluster } from "../../../model/cluster.ts";
import type { FilterChain, Listener } from "../../../model/listener.ts";
import type { RouteConfiguration } from "../../../model/route.ts";
import { passthroughCluster } from "../clusters.ts";
import { BLACK_HOLE_CLUSTER } from "../names.ts";

/** Istio's name for it. */
const INBOUND_PASSTHROUGH_IPV6 = "InboundPassthroughClusterIpv6";
/** What 127.0.0.6 is to IPv4: the sidecar's address towards its own pod. */
const TO_OWN_POD_IPV6 = "::6";
const ANY_IPV4 = "0.0.0.0";
const ANY_IPV6 = "::";

/**
 * For a pod that has an address of either family: each listener of any IPv4 address has a twin of
 * any IPv6 address. What comes in over IPv6 goes to the app over IPv6, at the address that the
 * client asked for, so all of it has one cluster.
 */
export function withIpv6(config: ProxyConfig): ProxyConfig {
  const twins = config.listeners.flatMap((listener) =>
    listener.address.kind === "socket" && listener.address.host === ANY_IPV4
      ? [twinOf(listener, listener.address.port)]
      : [],
  );
  return {
    ...config,
    listeners: [...config.listeners, ...twins],
    clusters: [...config.clusters, inboundPassthroughIpv6()],
  };
}

function inboundPassthroughIpv6(): Cluster {
  const bindAddress = socketAddress(TO_OWN_POD_IPV6, 0);
  return { ...passthroughCluster(INBOUND_PASSTHROUGH_IPV6), bindAddress };
}

/** `0.0.0.0_80` becomes `[::]_80`, `virtualInbound` `virtualInbound_ipv6`. */
function twinOf(listener: Listener, port: number): Listener {
  const { name, direction, filterChains, defaultFilterChain } = listener;
  const plain = name.startsWith(`${ANY_IPV4}_`);
  const change = direction === "inbound" ? toOwnPod : (chain: FilterChain) => chain;
  return {
    ...listener,
    name: plain ? `[${ANY_IPV6}]_${name.slice(ANY_IPV4.length + 1)}` : `${name}_ipv6`,
    address: socketAddress(ANY_IPV6, port),
    filterChains: filterChains.map(change),
    defaultFilterChain: defaultFilterChain && change(defaultFilterChain),
  };
}

function toOwnPod(chain: FilterChain): FilterChain {
  const { filter } = chain;
  if (filter.kind === "tcp") {
    const clusters = filter.clusters.map((each) => ({ ...each, cluster: own(each.cluster) }));
    return { ...chain, filter: { ...filter, clusters } };
  }
  if (filter.routes.kind !== "inline") return chain;
  const config = routesToOwnPod(filter.routes.config);
  return { ...chain, filter: { ...filter, routes: { ...filter.routes, config } } };
}

function routesToOwnPod(config: RouteConfiguration): RouteConfiguration {
  const virtualHosts = config.virtualHosts.map((host) => ({
    ...host,
    routes: host.routes.map((route) => {
      if (route.action.kind !== "forward") return route;
      const clusters = route.action.clusters.map((each) => ({
        ...each,
        cluster: own(each.cluster),
      }));
      return { ...route, action: { ...route.action, clusters } };
    }),
  }));
  return { ...config, virtualHosts };
}

function own(cluster: string): string {
  return cluster === BLACK_HOLE_CLUSTER ? cluster : INBOUND_PASSTHROUGH_IPV6;
}
