import { describe, expect, it } from "vitest";
import { formatPosition } from "../base/diagnostic.ts";
import { readBootstrap } from "./bootstrap.ts";

const HCM =
  "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3" +
  ".HttpConnectionManager";
const ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
const OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** A small legal file; `lines` go into the listener's connection manager. */
function listenerFile(...lines: readonly string[]): string {
  return [
    "static_resources:",
    "  listeners:",
    "  - name: in",
    "    address: {socket_address: {address: 127.0.0.1, port_value: 8080}}",
    "    filter_chains:",
    "    - filters:",
    "      - name: hcm",
    "        typed_config:",
    `          "@type": ${HCM}`,
    "          stat_prefix: in",
    "          http_filters:",
    `          - {name: router, typed_config: {"@type": ${ROUTER}}}`,
    "          route_config:",
    "            virtual_hosts:",
    "            - name: all",
    '              domains: ["*"]',
    "              routes: [{match: {prefix: /}, route: {cluster: a}}]",
    ...lines.map((line) => `          ${line}`),
  ].join("\n");
}

function clusterFile(...lines: readonly string[]): string {
  return ["static_resources:", "  clusters:", "  - name: a", ...lines.map((l) => `    ${l}`)].join(
    "\n",
  );
}

const ADS = `
dynamic_resources:
  ads_config: {api_type: GRPC, transport_api_version: V3, grpc_services: [
    {envoy_grpc: {cluster_name: xds}}]}
  cds_config: {ads: {}, resource_api_version: V3}
  lds_config: {ads: {}, resource_api_version: V3}
static_resources:
  clusters:
  - name: xds
    typed_extension_protocol_options:
      ${OPTIONS}:
        "@type": type.googleapis.com/${OPTIONS}
        explicit_http_config: {http2_protocol_options: {}}
    load_assignment:
      cluster_name: xds
      endpoints: [{lb_endpoints: [{endpoint: {address: {pipe: {path: /run/ads}}}}]}]
`;

it("reads a listener as Envoy does, with Envoy's defaults", () => {
  const { bootstrap, diagnostics } = readBootstrap(listenerFile(), "envoy.yaml");
  expect(diagnostics).toEqual([]);
  expect(bootstrap?.listeners[0]?.filterChains[0]?.filter).toMatchObject({
    kind: "http",
    generateRequestId: true,
    serverName: "envoy",
    maxRequestHeadersKb: 60,
    streamIdleTimeoutMs: 300_000,
  });
});

it("reads JSON names as well as YAML's, anchors, and nulls as nothing", () => {
  const text = listenerFile("streamIdleTimeout: &t 7s", "requestTimeout: *t", "via: null");
  expect(readBootstrap(text, "f").diagnostics).toEqual([]);
  expect(readBootstrap(text, "f").bootstrap?.listeners[0]?.filterChains[0]?.filter).toMatchObject({
    streamIdleTimeoutMs: 7000,
    requestTimeoutMs: 7000,
    via: "",
  });
});

it("keeps the cluster of the control plane apart", () => {
  const { bootstrap, diagnostics } = readBootstrap(ADS, "envoy.yaml");
  expect(diagnostics).toEqual([]);
  expect(bootstrap?.clusters).toEqual([]);
  expect(bootstrap?.ads).toMatchObject({ cluster: "xds", listeners: true, clusters: true });
});

it("reads our own servers from the node's metadata", () => {
  const text =
    'node: {id: n, metadata: {OUTRIGGER: {metrics: ["10.0.0.1:15020"], health: "[::1]:1"}}}';
  expect(readBootstrap(text, "f").bootstrap?.pod).toEqual({
    metrics: [{ kind: "socket", host: "10.0.0.1", port: 15020 }],
    health: { kind: "socket", host: "::1", port: 1 },
  });
});

it.each([
  ["http://127.0.0.1:9102/metrics?x=1", { host: "127.0.0.1", port: 9102, path: "/metrics?x=1" }],
  ["http://[::1]", { host: "::1", port: 80, path: "/" }],
])("reads where the app's metrics are: %s", (url, appMetrics) => {
  const text = `node: {id: n, metadata: {OUTRIGGER: {appMetrics: "${url}"}}}`;
  expect(readBootstrap(text, "f").bootstrap?.pod?.appMetrics).toEqual(appMetrics);
});

it.each(["https://app/metrics", "127.0.0.1:9102", "http://me:secret@app/", 9102])(
  "refuses %s for the app's metrics",
  (url) => {
    const text = `node: {id: n, metadata: {OUTRIGGER: {appMetrics: ${JSON.stringify(url)}}}}`;
    expect(readBootstrap(text, "f").diagnostics).toMatchObject([{ found: expect.anything() }]);
  },
);

it.each([true, false])("carries as the node's metadata say: %s", (carrying) => {
  const text = `node: {id: n, metadata: {OUTRIGGER: {carrying: ${carrying}}}}`;
  expect(readBootstrap(text, "f").bootstrap?.carrying).toBe(carrying);
});

it("carries where nothing is said", () => {
  expect(readBootstrap("node: {id: n}", "f").bootstrap?.carrying).toBe(true);
});

interface Refusal {
  readonly name: string;
  readonly text: string;
  readonly at: string;
  readonly path: string;
  readonly says: string;
}

const MANAGER = "static_resources.listeners[0].filter_chains[0].filters[0].typed_config";

describe.each<Refusal>([
  {
    name: "an unknown field, with the one that was meant",
    text: listenerFile("strem_idle_timeout: 5s"),
    at: "f:18:11",
    path: `${MANAGER}.strem_idle_timeout`,
    says: "is no field",
  },
  {
    name: "a value of the wrong kind",
    text: listenerFile("max_request_headers_kb: many"),
    at: "f:18:35",
    path: `${MANAGER}.max_request_headers_kb`,
    says: "wrong kind",
  },
  {
    name: "an unknown enum value",
    text: listenerFile("codec_type: HTTP9"),
    at: "f:18:23",
    path: `${MANAGER}.codec_type`,
    says: "wrong kind",
  },
  {
    name: "a field that is not executed, by name",
    text: listenerFile("tracing: {}"),
    at: "f:18:11",
    path: `${MANAGER}.tracing`,
    says: "spans are not written yet",
  },
  {
    name: "an extension that is not executed",
    text: listenerFile("access_log: [{name: x, typed_config: {'@type': a/b.C}}]"),
    at: "f:18:48",
    path: `${MANAGER}.access_log[0].typed_config`,
    says: "does not execute",
  },
  {
    name: "what Envoy's own rules refuse",
    text: clusterFile("connect_timeout: 0s"),
    at: "f:4:5",
    path: "static_resources.clusters[0].connect_timeout",
    says: "too short",
  },
  {
    name: "TLS without a context",
    text: clusterFile("transport_socket: {name: envoy.transport_sockets.tls}"),
    at: "f:4:5",
    path: "static_resources.clusters[0].transport_socket.typed_config",
    says: "is missing",
  },
  {
    name: "settings of HTTP/2 that Envoy refuses",
    text: clusterFile("http2_protocol_options: {initial_stream_window_size: 1}"),
    at: "f:4:30",
    path: "static_resources.clusters[0].http2_protocol_options.initial_stream_window_size",
    says: "out of range",
  },
  {
    name: "EDS without anybody to ask",
    text: clusterFile("type: EDS", "eds_cluster_config: {eds_config: {ads: {}}}"),
    at: "f:5:5",
    path: "static_resources.clusters[0].eds_cluster_config",
    says: "no dynamic_resources.ads_config",
  },
  {
    name: "another answer than whether to carry",
    text: "node: {id: n, metadata: {OUTRIGGER: {carrying: 1}}}",
    at: "f:1:38",
    path: "node.metadata.OUTRIGGER.carrying",
    says: "neither true nor false",
  },
  {
    name: "a broken YAML document",
    text: "static_resources: [",
    at: "f:1:20",
    path: "",
    says: "",
  },
])("readBootstrap", ({ name, text, at, path, says }) => {
  it(`refuses ${name}`, () => {
    const { bootstrap, diagnostics } = readBootstrap(text, "f");
    expect(bootstrap).toBeUndefined();
    const found = diagnostics.find((one) => one.path === path && one.message.includes(says));
    expect(diagnostics.map((one) => `${one.path} ${one.message}`).join("\n")).toContain(says);
    expect(formatPosition(found?.position)).toBe(at);
  });
});

it("reports everything wrong at once, in the order of the file", () => {
  const text = listenerFile("tracing: {}", "strem_idle_timeout: 5s", "drain_timeout: soon");
  const { diagnostics } = readBootstrap(text, "f");
  expect(diagnostics.map((one) => one.position?.line)).toEqual([18, 19, 20]);
});

it("says of an unknown transport socket that it is not executed, and nothing else of it", () => {
  const type = "type.googleapis.com/envoy.extensions.transport_sockets.alts.v3.Alts";
  const socket = `transport_socket: {name: alts, typed_config: {"@type": ${type}}}`;
  const { diagnostics } = readBootstrap(clusterFile("connect_timeout: 1s", socket), "f");
  expect(diagnostics.map(({ message, found }) => ({ message, found }))).toEqual([
    { message: "is an extension that Outrigger does not execute", found: type },
  ]);
});

describe("a circuit in a file", () => {
  it("is read from the metadata of a cluster", () => {
    const { bootstrap, diagnostics } = readBootstrap(
      clusterFile(
        "metadata:",
        "  filter_metadata:",
        "    outrigger.circuit:",
        "      name: default/ratings",
        "      open: {kind: consecutiveErrors, errors: 3}",
      ),
      "envoy.yaml",
    );
    expect(diagnostics).toEqual([]);
    expect(bootstrap?.clusters[0]?.circuit).toMatchObject({
      name: "default/ratings",
      open: { kind: "consecutiveErrors", errors: 3 },
      sleepMs: 5000,
    });
  });

  it("is refused at the line of each mistake", () => {
    const { bootstrap, diagnostics } = readBootstrap(
      clusterFile(
        "metadata:",
        "  filter_metadata:",
        "    outrigger.circuit:",
        "      name: default/ratings",
        "      probe: 3",
        "      errors:",
        "        statuses: [{start: 500, end: 400}]",
      ),
      "envoy.yaml",
    );
    expect(bootstrap).toBeUndefined();
    expect(diagnostics.map(({ position, message }) => [formatPosition(position), message])).toEqual(
      [
        ["envoy.yaml:8:11", "is unknown"],
        ["envoy.yaml:10:37", "is not above the start"],
      ],
    );
  });
});
