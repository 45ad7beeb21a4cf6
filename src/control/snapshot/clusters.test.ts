import { fromBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import {
  clientSnapshot,
  meshOf,
  podsOfMesh,
  sidecarNode,
  snapshotOf,
} from "../../../test/support/mesh.ts";
import { ClusterSchema } from "../../gen/envoy/config/cluster/v3/cluster_pb.js";
import type { Cluster } from "../../model/cluster.ts";
import { encodeFor } from "../../xds/message/flavor.ts";
import { CODECS } from "../../xds/resource.ts";

const DEPLOYMENTS = `
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ name: http, port: 80, targetPort: main }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web-v1 }
spec:
  replicas: 2
  selector: { matchLabels: { app: web, version: v1 } }
  template:
    metadata: { labels: { app: web, version: v1 } }
    spec:
      serviceAccountName: web
      containers: [{ name: web, image: web, ports: [{ name: main, containerPort: 8080 }] }]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web-v2 }
spec:
  selector: { matchLabels: { app: web, version: v2 } }
  template:
    metadata: { labels: { app: web, version: v2 } }
    spec:
      containers: [{ name: web, image: web, ports: [{ name: main, containerPort: 9090 }] }]
---
`;

function rule(spec: string): string {
  return `${DEPLOYMENTS}
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web }
spec:
  host: web
${spec}
`;
}

const WEB = "outbound|80||web.default.svc.cluster.local";
const WEB_V1 = "outbound|80|v1|web.default.svc.cluster.local";

function cluster(text: string, name: string = WEB, explicit = false): Cluster {
  const found = clientSnapshot(meshOf(text), { explicit }).clusters.find(
    (each) => each.name === name,
  );
  if (found === undefined) throw new Error(`no cluster ${name}`);
  return found;
}

/** The same pods behind a port of another name. */
function portNamed(name: string): string {
  return DEPLOYMENTS.replace("name: http, port: 80", `name: ${name}, port: 80`);
}

describe("which protocol endpoints are spoken to", () => {
  it.each([
    { name: "http", protocol: "http1" },
    { name: "http2", protocol: "http2" },
    { name: "grpc-main", protocol: "http2" },
    { name: "grpc-web", protocol: "http2" },
    { name: "main", protocol: "downstream" },
  ])("is $protocol for a port named $name", ({ name, protocol }) => {
    expect(cluster(portNamed(name)).protocol).toBe(protocol);
  });

  it("is HTTP/2 where a DestinationRule upgrades, with its streams and PINGs", () => {
    const pool = rule(`
  trafficPolicy:
    connectionPool:
      http:
        h2UpgradePolicy: UPGRADE
        maxConcurrentStreams: 7
        http2KeepAlive: { interval: 30s, timeout: 5s }
`);
    const { protocol, http2 } = cluster(pool);
    expect(protocol).toBe("http2");
    expect(http2).toMatchObject({
      maxConcurrentStreams: 7,
      keepaliveIntervalMs: 30_000,
      keepaliveTimeoutMs: 5000,
    });
  });

  it("is the client's where a DestinationRule says so, whatever the port's name is", () => {
    const pool = "  trafficPolicy: { connectionPool: { http: { useClientProtocol: true } } }";
    expect(cluster(rule(pool)).protocol).toBe("downstream");
  });

  it("leaves as many streams to one connection as Istio does", () => {
    expect(cluster(portNamed("grpc")).http2.maxConcurrentStreams).toBe(1_073_741_824);
  });

  it("is the client's for a host that nobody knows", () => {
    expect(cluster(DEPLOYMENTS, "PassthroughCluster").protocol).toBe("downstream");
  });
});

describe("a service without DestinationRule", () => {
  it("is balanced by least request, without limits, with a retry budget of a fifth", () => {
    expect(cluster(DEPLOYMENTS)).toMatchObject({
      discovery: "eds",
      lbPolicy: "leastRequest",
      choiceCount: 2,
      connectTimeoutMs: 10_000,
      idleTimeoutMs: 3_600_000,
      thresholds: {
        maxConnections: 4_294_967_295,
        maxPendingRequests: 4_294_967_295,
        maxRequests: 4_294_967_295,
        maxRetries: 4_294_967_295,
        retryBudget: { budgetPercent: 20, minRetryConcurrency: 3 },
        trackRemaining: true,
      },
      service: { host: "web.default.svc.cluster.local", name: "web", namespace: "default" },
    });
  });

  it("has that budget for an Envoy too, in Envoy's fields, and no rate", () => {
    const mesh = meshOf(DEPLOYMENTS);
    const ours = sidecarNode({ name: "client", address: "10.44.1.1" });
    const node = { ...ours, userAgentName: "envoy" };
    const found = snapshotOf(mesh, podsOfMesh(mesh), node).clusters.find(
      ({ name }) => name === WEB,
    );
    if (found === undefined) throw new Error(`no cluster ${WEB}`);
    const { circuitBreakers, metadata } = fromBinary(
      ClusterSchema,
      CODECS.cluster.encode(found, encodeFor(node)),
    );
    expect(circuitBreakers?.thresholds.map(({ retryBudget }) => retryBudget)).toMatchObject([
      { budgetPercent: { value: 20 }, minRetryConcurrency: 3 },
    ]);
    expect(Object.keys(metadata?.filterMetadata ?? {})).toEqual(["istio"]);
  });

  it("has its ready pods as endpoints, at each pod's own port of the name", () => {
    const { endpoints } = clientSnapshot(meshOf(DEPLOYMENTS));
    const web = endpoints.find(({ clusterName }) => clusterName === WEB);
    const found = web?.localities.flatMap((locality) => locality.endpoints);
    expect(found?.map(({ address }) => address)).toEqual([
      { kind: "socket", host: "10.44.0.2", port: 8080 },
      { kind: "socket", host: "10.44.0.3", port: 8080 },
      { kind: "socket", host: "10.44.0.4", port: 9090 },
    ]);
    expect(found?.[0]?.workload).toEqual({
      workload: "web-v1",
      namespace: "default",
      canonicalName: "web",
      canonicalRevision: "v1",
      app: "web",
      version: "v1",
      cluster: "Kubernetes",
      principal: "spiffe://cluster.local/ns/default/sa/web",
    });
  });

  it("loses a pod that is not ready", () => {
    const mesh = meshOf(DEPLOYMENTS);
    const pods = podsOfMesh(mesh).map((pod) => ({ ...pod, ready: pod.workload !== "web-v1" }));
    const node = sidecarNode({ name: "client", address: "10.44.1.1" });
    const { endpoints } = snapshotOf(mesh, pods, node);
    expect(endpoints[0]?.localities[0]?.endpoints.map(({ address }) => address)).toEqual([
      { kind: "socket", host: "10.44.0.4", port: 9090 },
    ]);
  });
});

describe("a DestinationRule", () => {
  it.each([
    { simple: "ROUND_ROBIN", lbPolicy: "roundRobin", discovery: "eds" },
    { simple: "LEAST_REQUEST", lbPolicy: "leastRequest", discovery: "eds" },
    { simple: "LEAST_CONN", lbPolicy: "leastRequest", discovery: "eds" },
    { simple: "RANDOM", lbPolicy: "random", discovery: "eds" },
    { simple: "PASSTHROUGH", lbPolicy: "random", discovery: "eds" },
  ])("with $simple makes the cluster $lbPolicy", ({ simple, lbPolicy, discovery }) => {
    const text = rule(`  trafficPolicy: { loadBalancer: { simple: ${simple} } }`);
    expect(cluster(text)).toMatchObject({ lbPolicy, discovery });
  });

  it("makes a cluster of each subset, with the subset's pods and its own policy", () => {
    const text = rule(`
  trafficPolicy: { loadBalancer: { simple: RANDOM } }
  subsets:
    - name: v1
      labels: { version: v1 }
      trafficPolicy: { loadBalancer: { simple: ROUND_ROBIN } }
    - { name: v2, labels: { version: v2 } }`);
    expect(cluster(text, WEB_V1).lbPolicy).toBe("roundRobin");
    expect(cluster(text).lbPolicy).toBe("random");
    const { endpoints } = clientSnapshot(meshOf(text));
    const sizes = endpoints.map(({ localities }) => localities[0]?.endpoints.length);
    expect(sizes).toEqual([3, 2, 1]);
  });

  it("replaces everything for a port, and falls back to the mesh's defaults there", () => {
    const text = rule(`
  trafficPolicy:
    loadBalancer: { simple: RANDOM }
    portLevelSettings:
      - { port: { number: 80 }, connectionPool: { tcp: { maxConnections: 7 } } }`);
    expect(cluster(text)).toMatchObject({
      lbPolicy: "leastRequest",
      thresholds: { maxConnections: 7 },
    });
  });

  it("keeps a written number of retries instead of our budget", () => {
    const text = rule("  trafficPolicy: { connectionPool: { http: { maxRetries: 5 } } }");
    expect(cluster(text).thresholds).toMatchObject({ maxRetries: 5, retryBudget: undefined });
  });
});

describe.each([
  { resolution: "DNS", discovery: "strictDns", endpoint: "api.example.com" },
  { resolution: "DNS_ROUND_ROBIN", discovery: "logicalDns", endpoint: "api.example.com" },
  { resolution: "NONE", discovery: "originalDst", endpoint: undefined },
])("a ServiceEntry of resolution $resolution", ({ resolution, discovery, endpoint }) => {
  const found = cluster(
    `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: api }
spec:
  hosts: [api.example.com]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  resolution: ${resolution}
`,
    "outbound|80||api.example.com",
  );

  it(`is a ${discovery} cluster`, () => expect(found.discovery).toBe(discovery));

  it(endpoint === undefined ? "has no endpoints" : "asks DNS for its own host", () => {
    const address = found.loadAssignment?.localities[0]?.endpoints[0]?.address;
    expect(address).toEqual(
      endpoint === undefined ? undefined : { kind: "socket", host: endpoint, port: 80 },
    );
  });
});

it("balances a PASSTHROUGH service in explicit mode, where no destination is known", () => {
  const text = rule("  trafficPolicy: { loadBalancer: { simple: PASSTHROUGH } }");
  expect(cluster(text, WEB, true)).toMatchObject({ discovery: "eds", lbPolicy: "random" });
});

it("leaves a PASSTHROUGH host outside the mesh where its address leads", () => {
  const text = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: api }
spec:
  hosts: [api.example.com]
  addresses: [192.0.2.7]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  resolution: STATIC
  endpoints: [{ address: 192.0.2.8 }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: api }
spec: { host: api.example.com, trafficPolicy: { loadBalancer: { simple: PASSTHROUGH } } }
`;
  const found = cluster(text, "outbound|80||api.example.com");
  expect(found).toMatchObject({ discovery: "originalDst", lbPolicy: "clusterProvided" });
});
