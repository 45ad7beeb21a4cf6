/** Envoy's configurations of one hop, with many routes, virtual hosts or endpoints; as JSON. */

const EXTENSIONS = "type.googleapis.com/envoy.extensions.filters";
const HCM = `${EXTENSIONS}.network.http_connection_manager.v3.HttpConnectionManager`;
const ROUTER = `${EXTENSIONS}.http.router.v3.Router`;

const ROUTE = { cluster: "origin", timeout: "15s" };

/** The header that some of the routes want another value of. */
export const VERSION_HEADER = "x-version: none";

function cluster(addresses: readonly string[], port: number): unknown {
  const limits = { max_connections: 20_000, max_pending_requests: 4096, max_requests: 4096 };
  const endpoints = addresses.map((address) => ({
    endpoint: { address: { socket_address: { address, port_value: port } } },
  }));
  return {
    name: "origin",
    type: "STATIC",
    lb_policy: "ROUND_ROBIN",
    connect_timeout: "5s",
    circuit_breakers: { thresholds: [limits] },
    load_assignment: { cluster_name: "origin", endpoints: [{ lb_endpoints: endpoints }] },
  };
}

function hop(listen: number, virtualHosts: readonly unknown[], origin: unknown): string {
  const manager = {
    "@type": HCM,
    stat_prefix: "in",
    generate_request_id: true,
    route_config: { name: "all", virtual_hosts: virtualHosts },
    http_filters: [{ name: "envoy.filters.http.router", typed_config: { "@type": ROUTER } }],
  };
  const filter = { name: "envoy.filters.network.http_connection_manager", typed_config: manager };
  const address = { socket_address: { address: "127.0.0.1", port_value: listen } };
  const listener = { name: "in", address, filter_chains: [{ filters: [filter] }] };
  const node = { id: "bench", cluster: "bench" };
  return JSON.stringify({ node, static_resources: { listeners: [listener], clusters: [origin] } });
}

function otherRoute(index: number): unknown {
  const wanted = { name: "x-version", string_match: { exact: `v${index}` } };
  const matches = [
    { prefix: `/prefix-${index}/` },
    { path: `/exact-${index}` },
    { prefix: "/", headers: [wanted] },
    { safe_regex: { regex: `/regex-${index}/[0-9]+` } },
  ];
  return { match: matches[index % matches.length], route: ROUTE };
}

/** In turn by prefix, exact path, header and regular expression; the last one takes all. */
export function routesConfig(count: number, listen: number, origin: number): string {
  const others = Array.from({ length: count - 1 }, (_, index) => otherRoute(index));
  const routes = [...others, { match: { prefix: "/" }, route: ROUTE }];
  const virtualHost = { name: "all", domains: ["*"], routes };
  return hop(listen, [virtualHost], cluster(["127.0.0.1", "127.0.0.2"], origin));
}

export function domainOf(index: number): string {
  return `service-${index}.default.svc.cluster.local`;
}

/** Each of a domain of its own; the first takes strangers too. */
export function virtualHostsConfig(count: number, listen: number, origin: number): string {
  const virtualHosts = Array.from({ length: count }, (_, index) => ({
    name: `service-${index}`,
    domains: [domainOf(index), ...(index === 0 ? ["*"] : [])],
    routes: [{ match: { prefix: "/" }, route: ROUTE }],
  }));
  return hop(listen, virtualHosts, cluster(["127.0.0.1", "127.0.0.2"], origin));
}

/** All of them the origin, which has to listen on every address. */
export function endpointsConfig(count: number, listen: number, anywhere: number): string {
  const addresses = Array.from(
    { length: count },
    (_, index) => `127.${1 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`,
  );
  const virtualHost = {
    name: "all",
    domains: ["*"],
    routes: [{ match: { prefix: "/" }, route: ROUTE }],
  };
  return hop(listen, [virtualHost], cluster(addresses, anywhere));
}
