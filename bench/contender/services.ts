/** The configuration of a sidecar that reaches many services. */

const ENDPOINTS = 10;
const EXTENSIONS = "type.googleapis.com/envoy.extensions.filters";
const HCM = `${EXTENSIONS}.network.http_connection_manager.v3.HttpConnectionManager`;
const ROUTER = `${EXTENSIONS}.http.router.v3.Router`;

function endpoint(address: string, port: number): unknown {
  return { endpoint: { address: { socket_address: { address, port_value: port } } } };
}

/** The first service is the origin, on all its addresses; nobody asks the others for anything. */
function addressesOf(service: number): string[] {
  const net = service === 0 ? "127.0.0" : `127.${1 + (service >> 8)}.${service & 255}`;
  return Array.from({ length: ENDPOINTS }, (_, index) => `${net}.${index + 1}`);
}

function cluster(service: number, origin: number): unknown {
  const name = `service-${service}`;
  const limits = { max_connections: 4096, max_pending_requests: 4096, max_requests: 4096 };
  const endpoints = addressesOf(service).map((address) => endpoint(address, origin));
  return {
    name,
    type: "STATIC",
    lb_policy: "ROUND_ROBIN",
    connect_timeout: "5s",
    circuit_breakers: { thresholds: [limits] },
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: endpoints }] },
  };
}

function virtualHost(service: number): unknown {
  const name = `service-${service}`;
  const retries = { retry_on: "connect-failure,refused-stream", num_retries: 2 };
  const route = { cluster: name, timeout: "15s", retry_policy: retries };
  const domains = service === 0 ? ["*"] : [name, `${name}.default.svc.cluster.local`];
  return { name, domains, routes: [{ match: { prefix: "/" }, route }] };
}

/** Static resources: a cluster, ten endpoints and a virtual host for each service; as JSON. */
export function servicesConfig(services: number, listen: number, origin: number): string {
  const all = Array.from({ length: services }, (_, service) => service);
  const manager = {
    "@type": HCM,
    stat_prefix: "in",
    generate_request_id: true,
    route_config: { name: "all", virtual_hosts: all.map(virtualHost) },
    http_filters: [{ name: "envoy.filters.http.router", typed_config: { "@type": ROUTER } }],
  };
  const filter = { name: "envoy.filters.network.http_connection_manager", typed_config: manager };
  const address = { socket_address: { address: "127.0.0.1", port_value: listen } };
  const listener = { name: "in", address, filter_chains: [{ filters: [filter] }] };
  const clusters = all.map((service) => cluster(service, origin));
  const node = { id: "bench", cluster: "bench" };
  return JSON.stringify({ node, static_resources: { listeners: [listener], clusters } });
}
