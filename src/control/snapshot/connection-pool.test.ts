import { describe, expect, it } from "vitest";
import { clientSnapshot, meshOf } from "../../../test/support/mesh.ts";
import type { Cluster } from "../../model/cluster.ts";
import type { TcpProxy } from "../../model/listener.ts";

/** `pool`: of a DestinationRule for both services, as a flow mapping; else `more` of its spec. */
function meshWith(pool: string, more = ""): string {
  return `
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  clusterIP: 10.96.0.7
  selector: { app: web }
  ports:
    - { name: http, port: 80 }
    - { name: grpc, port: 81 }
    - { name: tcp-main, port: 82 }
    - { name: any, port: 83 }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web }
spec:
  host: web
  ${pool === "" ? "" : `trafficPolicy: { connectionPool: ${pool} }`}
${more}
`;
}

function clusterOf(text: string, port = 80, subset = ""): Cluster {
  const name = `outbound|${port}|${subset}|web.default.svc.cluster.local`;
  const found = clientSnapshot(meshOf(text)).clusters.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no cluster ${name}`);
  return found;
}

/** What serves the connections to a service's TCP port. */
function tcpProxyOf(text: string, name = "10.96.0.7_82"): TcpProxy {
  const found = clientSnapshot(meshOf(text)).listeners.find((each) => each.name === name);
  const filter = found?.defaultFilterChain?.filter;
  if (filter?.kind !== "tcp") throw new Error(`no TCP proxy at ${name}`);
  return filter;
}

describe("a connection pool's field", () => {
  it.each([
    ["tcp: { connectTimeout: 30ms }", { connectTimeoutMs: 30 }],
    ["tcp: { maxConnectionDuration: 90s }", { maxConnectionDurationMs: 90_000 }],
    [
      "tcp: { tcpKeepalive: { probes: 3, time: 7s, interval: 2s } }",
      { tcpKeepalive: { probes: 3, timeS: 7, intervalS: 2 } },
    ],
    [
      "tcp: { tcpKeepalive: { time: 7s } }",
      { tcpKeepalive: { probes: undefined, timeS: 7, intervalS: undefined } },
    ],
    ["http: { maxRequestsPerConnection: 4 }", { maxRequestsPerConnection: 4 }],
    ["http: { idleTimeout: 5m }", { idleTimeoutMs: 300_000 }],
    ["tcp: { idleTimeout: 7m }", { idleTimeoutMs: 420_000 }],
    ["tcp: { idleTimeout: 0s }", { idleTimeoutMs: 0 }],
    ["{ tcp: { idleTimeout: 7m }, http: { idleTimeout: 5m } }", { idleTimeoutMs: 300_000 }],
    ["http: { h2UpgradePolicy: UPGRADE }", { protocol: "http2" }],
    ["http: { h2UpgradePolicy: DO_NOT_UPGRADE }", { protocol: "http1" }],
    ["http: { useClientProtocol: true }", { protocol: "downstream" }],
  ])("%s is the cluster's", (pool, expected) => {
    const braced = pool.startsWith("{") ? pool : `{ ${pool} }`;
    expect(clusterOf(meshWith(braced))).toMatchObject(expected);
  });

  it.each([
    ["tcp: { maxConnections: 5 }", "maxConnections"],
    ["http: { http1MaxPendingRequests: 5 }", "maxPendingRequests"],
    ["http: { http2MaxRequests: 5 }", "maxRequests"],
    ["http: { maxRetries: 5 }", "maxRetries"],
  ] as const)("%s is the limit %s, of HTTP/1.1 and of HTTP/2", (pool, limit) => {
    const limits = {
      maxConnections: 4_294_967_295,
      maxPendingRequests: 4_294_967_295,
      maxRequests: 4_294_967_295,
      maxRetries: 4_294_967_295,
      [limit]: 5,
    };
    for (const port of [80, 81]) {
      expect(clusterOf(meshWith(`{ ${pool} }`), port).thresholds).toMatchObject(limits);
    }
  });

  it.each([
    "tcp: { maxConnections: 0 }",
    "http: { http1MaxPendingRequests: 0, http2MaxRequests: 0, maxRetries: 0 }",
    "http: { maxRequestsPerConnection: 0, maxConcurrentStreams: 0 }",
  ])("%s says nothing", (pool) => {
    for (const port of [80, 81]) {
      const { origin: _, ...cluster } = clusterOf(meshWith(`{ ${pool} }`), port);
      const { origin: _1, ...plain } = clusterOf(meshWith("{ tcp: { maxConnections: 0 } }"), port);
      expect(cluster).toEqual(plain);
      expect(cluster.thresholds.maxConnections).toBe(4_294_967_295);
      expect(cluster.maxRequestsPerConnection).toBe(0);
    }
  });

  it.each([
    { port: 81, upgrade: "DEFAULT" },
    { port: 80, upgrade: "UPGRADE" },
    { port: 83, upgrade: "UPGRADE" },
  ])("for HTTP/2 is the connections' at port $port, $upgrade", ({ port, upgrade }) => {
    const pool = `{ http: { h2UpgradePolicy: ${upgrade}, maxConcurrentStreams: 7,
      http2KeepAlive: { interval: 30s, timeout: 5s } } }`;
    expect(clusterOf(meshWith(pool), port)).toMatchObject({
      protocol: "http2",
      http2: { maxConcurrentStreams: 7, keepaliveIntervalMs: 30_000, keepaliveTimeoutMs: 5000 },
    });
  });
});

describe("of connections that are no HTTP", () => {
  it("the idle timeout and the longest life are the listener's", () => {
    const text = meshWith("{ tcp: { idleTimeout: 7m, maxConnectionDuration: 90s } }");
    expect(tcpProxyOf(text)).toMatchObject({
      idleTimeoutMs: 420_000,
      maxConnectionDurationMs: 90_000,
    });
  });

  it("an idle timeout of 0s never ends", () => {
    expect(tcpProxyOf(meshWith("{ tcp: { idleTimeout: 0s } }")).idleTimeoutMs).toBe(0);
  });

  it("HTTP's idle timeout says nothing", () => {
    expect(tcpProxyOf(meshWith("{ http: { idleTimeout: 5m } }"))).toMatchObject({
      idleTimeoutMs: 3_600_000,
      maxConnectionDurationMs: 0,
    });
  });

  it("times are those of where a VirtualService sends them", () => {
    const elsewhere = `---
apiVersion: v1
kind: Service
metadata: { name: db }
spec: { clusterIP: 10.96.0.8, selector: { app: db }, ports: [{ name: tcp-db, port: 5432 }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: db }
spec:
  hosts: [db]
  tcp: [{ route: [{ destination: { host: web, port: { number: 82 } } }] }]
`;
    const pool = "{ tcp: { idleTimeout: 7m, maxConnectionDuration: 90s } }";
    expect(tcpProxyOf(meshWith(pool, elsewhere), "10.96.0.8_5432")).toMatchObject({
      idleTimeoutMs: 420_000,
      maxConnectionDurationMs: 90_000,
    });
  });
});

describe("a connection pool of a port or of a subset", () => {
  const MORE = `
  trafficPolicy:
    connectionPool: { tcp: { maxConnections: 9, connectTimeout: 9s } }
    portLevelSettings:
      - { port: { number: 81 }, connectionPool: { http: { http2MaxRequests: 8 } } }
      - { port: { number: 82 }, loadBalancer: { simple: RANDOM } }
  subsets:
    - { name: plain, labels: { v: "1" } }
    - name: own
      labels: { v: "2" }
      trafficPolicy:
        connectionPool: { tcp: { maxConnections: 7 } }
        portLevelSettings:
          - { port: { number: 81 }, connectionPool: { tcp: { maxConnections: 6 } } }`;
  const UNLIMITED = 4_294_967_295;

  it.each([
    { port: 80, subset: "", connections: 9, requests: UNLIMITED, connectMs: 9000 },
    { port: 81, subset: "", connections: UNLIMITED, requests: 8, connectMs: 10_000 },
    { port: 82, subset: "", connections: UNLIMITED, requests: UNLIMITED, connectMs: 10_000 },
    { port: 80, subset: "plain", connections: 9, requests: UNLIMITED, connectMs: 9000 },
    { port: 81, subset: "plain", connections: UNLIMITED, requests: 8, connectMs: 10_000 },
    { port: 80, subset: "own", connections: 7, requests: UNLIMITED, connectMs: 10_000 },
    { port: 81, subset: "own", connections: 6, requests: UNLIMITED, connectMs: 10_000 },
  ])("holds as a whole at $port for subset '$subset'", (at) => {
    const { connectTimeoutMs, thresholds } = clusterOf(meshWith("", MORE), at.port, at.subset);
    expect(connectTimeoutMs).toBe(at.connectMs);
    expect(thresholds).toMatchObject({
      maxConnections: at.connections,
      maxRequests: at.requests,
    });
  });
});
