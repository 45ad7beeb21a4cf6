import { systemClock, type VirtualClock } from "../../src/base/clock.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { readBootstrap } from "../../src/proxy/bootstrap.ts";
import type { Resolve } from "../../src/proxy/dns/resolver.ts";
import { type RunningProxy, startProxy } from "../../src/proxy/main.ts";
import type { ClusterStat } from "../../src/proxy/telemetry/envoy/cluster-columns.ts";
import { connectPeer, type Peer } from "./peer.ts";

/** A proxy under test, with one listener or several. */
export interface ProxySetup {
  readonly proxy: RunningProxy;
  /** Where the listener of this name (default `in`) listens. */
  port(listener?: string): number;
  /** A client connected to the listener of this name (default `in`). */
  client(listener?: string): Promise<Peer>;
  /** A counter or gauge of a cluster, by Envoy's name. */
  stat(cluster: string, name: ClusterStat): number;
  stop(): Promise<void>;
}

const FILTERS = "type.googleapis.com/envoy.extensions.filters";
const HCM = `${FILTERS}.network.http_connection_manager.v3.HttpConnectionManager`;
const ROUTER = `${FILTERS}.http.router.v3.Router`;

export interface ListenerYaml {
  readonly name?: string;
  /** Envoy's fields of the HTTP connection manager, beside `stat_prefix` and filters. */
  readonly hcm?: Record<string, unknown>;
  /** Routes of the only virtual host, as Envoy's JSON. */
  readonly routes: readonly unknown[];
}

/** A listener with one HTTP connection manager and one virtual host for all domains. */
export function httpListener({ name = "in", hcm = {}, routes }: ListenerYaml): unknown {
  const manager = {
    "@type": HCM,
    stat_prefix: name,
    route_config: {
      name,
      validate_clusters: false,
      virtual_hosts: [{ name: "all", domains: ["*"], routes }],
    },
    http_filters: [{ name: "router", typed_config: { "@type": ROUTER } }],
    ...hcm,
  };
  return {
    name,
    address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
    filter_chains: [{ filters: [{ name: "hcm", typed_config: manager }] }],
  };
}

/** What a cluster is given to speak HTTP/2. */
export const OVER_HTTP2 = {
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};

/** A static cluster; `ports` of this machine. */
export function staticCluster(
  name: string,
  ports: readonly number[],
  more: Record<string, unknown> = {},
): unknown {
  const endpoints = ports.map((port) => ({
    endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } },
  }));
  return {
    name,
    type: "STATIC",
    connect_timeout: "1s",
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: endpoints }] },
    ...more,
  };
}

/**
 * Starts a proxy from Envoy's own configuration; fails with every error of it. `carrying`: other
 * Outrigger proxies may carry its connections.
 */
export async function startSetup(
  listeners: readonly unknown[],
  clusters: readonly unknown[],
  clock?: VirtualClock,
  resolve?: Resolve,
  carrying = true,
): Promise<ProxySetup> {
  const text = JSON.stringify({ static_resources: { listeners, clusters } });
  const { bootstrap, diagnostics } = readBootstrap(text, "test.json");
  if (bootstrap === undefined) throw new Error(JSON.stringify(diagnostics, undefined, 2));
  const random = new SeededRandom(1);
  const names = resolve === undefined ? {} : { resolve };
  const time = clock ?? systemClock;
  const proxy = await startProxy({ bootstrap, clock: time, random, carrying, ...names });
  const port = (listener = "in"): number => {
    const bound = proxy.dataPlane.listeners.get(listener)?.boundAddress;
    if (bound?.kind !== "socket") throw new Error(`listener ${listener} is not bound`);
    return bound.port;
  };
  return {
    proxy,
    port,
    client: (listener) => connectPeer(port(listener)),
    stat: (cluster, name) => proxy.telemetry.cluster(cluster).value(name),
    stop: () => proxy.stop(0),
  };
}
