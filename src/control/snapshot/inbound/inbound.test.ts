import { describe, expect, it } from "vitest";
import {
  meshOf,
  podSnapshot,
  podsOfMesh,
  sidecarNode,
  snapshotOf,
} from "../../../../test/support/mesh.ts";

const POD = `
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  selector: { app: web }
  ports:
    - { name: http, port: 80, targetPort: 8080 }
    - { name: tcp-raw, port: 81, targetPort: 8081 }
---
apiVersion: v1
kind: Pod
metadata: { name: web, labels: { app: web } }
spec:
  containers:
    - { name: web, image: web, ports: [{ containerPort: 8080 }, { containerPort: 8081 }] }
    - { name: helper, image: helper, ports: [{ containerPort: 9000 }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web }
spec:
  host: web
  trafficPolicy: { connectionPool: { tcp: { maxConnections: 9 } } }
`;

const mesh = meshOf(POD);

describe("virtualInbound", () => {
  const { listeners, clusters } = podSnapshot(mesh, "web-0");
  const listener = listeners.find(({ name }) => name === "virtualInbound");

  it("takes every redirected connection on 15006 and finds out where it was going", () => {
    expect(listener).toMatchObject({
      address: { host: "0.0.0.0", port: 15006 },
      bindToPort: true,
      direction: "inbound",
      listenerFilters: ["originalDst", "tlsInspector", "httpInspector"],
    });
  });

  it("has a chain for each port: HTTP, TCP, or both where nobody declared a protocol", () => {
    const chains = listener?.filterChains.map(({ name, match, filter }) => ({
      name,
      port: match.destinationPort,
      kind: filter.kind,
    }));
    expect(chains).toEqual([
      { name: "virtualInbound-blackhole", port: 15006, kind: "tcp" },
      { name: "0.0.0.0_8080", port: 8080, kind: "http" },
      { name: "0.0.0.0_8081", port: 8081, kind: "tcp" },
      { name: "0.0.0.0_9000", port: 9000, kind: "http" },
      { name: "0.0.0.0_9000-tcp", port: 9000, kind: "tcp" },
      { name: "0.0.0.0_9000-tls", port: 9000, kind: "tcp" },
      { name: "virtualInbound-catchall", port: undefined, kind: "http" },
      { name: "virtualInbound-catchall-tcp", port: undefined, kind: "tcp" },
      { name: "virtualInbound-catchall-tls", port: undefined, kind: "tcp" },
    ]);
  });

  it("serves HTTP as Istio's sidecars do", () => {
    const filter = listener?.filterChains[1]?.filter;
    expect(filter).toMatchObject({
      serverName: "istio-envoy",
      useRemoteAddress: false,
      generateRequestId: true,
      streamIdleTimeoutMs: 0,
      normalizePath: true,
      upgrades: ["websocket"],
      routes: {
        kind: "inline",
        config: {
          name: "inbound|8080||",
          virtualHosts: [{ name: "inbound|http|80", domains: ["*"] }],
        },
      },
    });
  });

  it("sends to where the connection was going, from 127.0.0.6, within the rule's limits", () => {
    expect(clusters.find(({ name }) => name === "inbound|8080||")).toMatchObject({
      discovery: "originalDst",
      lbPolicy: "clusterProvided",
      bindAddress: { host: "127.0.0.6", port: 0 },
      thresholds: { maxConnections: 9 },
      service: { host: "web.default.svc.cluster.local" },
    });
  });
});

describe("what a pod's own ports speak", () => {
  const text = `
apiVersion: v1
kind: Service
metadata: { name: rpc }
spec:
  selector: { app: rpc }
  ports:
    - { name: grpc, port: 80, targetPort: 7070 }
    - { name: grpc-web, port: 81, targetPort: 7071 }
---
apiVersion: v1
kind: Pod
metadata: { name: rpc, labels: { app: rpc } }
spec: { containers: [{ name: rpc, image: rpc, ports: [{ containerPort: 7072 }] }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: rpc }
spec:
  host: rpc
  trafficPolicy: { connectionPool: { http: { h2UpgradePolicy: UPGRADE } } }
`;
  const { listeners: inbound, clusters: towards } = podSnapshot(meshOf(text), "rpc-0");
  const chains = inbound.find(({ name }) => name === "virtualInbound")?.filterChains ?? [];

  function filterAt(port: number) {
    return chains.find(({ match }) => match.destinationPort === port)?.filter;
  }

  it("decides how the application is spoken to, and no upgrade policy does", () => {
    const protocols = [7070, 7071, 7072].map(
      (port) => towards.find(({ name }) => name === `inbound|${port}||`)?.protocol,
    );
    expect(protocols).toEqual(["http2", "http2", "downstream"]);
  });

  it("takes HTTP/1.1 and HTTP/2 on each of them", () => {
    expect(filterAt(7070)).toMatchObject({ kind: "http", codec: "auto" });
    const sniffed = chains.find(({ match }) => match.destinationPort === 7072);
    expect(sniffed?.match.applicationProtocols).toContain("h2c");
  });

  it("turns browsers' gRPC-Web into gRPC where the port is named for it", () => {
    expect(filterAt(7070)).toMatchObject({
      httpFilters: [{ kind: "telemetry" }, { kind: "router" }],
    });
    expect(filterAt(7071)).toMatchObject({
      httpFilters: [{ kind: "grpcWeb" }, { kind: "telemetry" }, { kind: "router" }],
    });
  });
});

describe("inbound in explicit mode", () => {
  const pods = podsOfMesh(mesh).map((pod) => ({ ...pod, appSockets: { 8080: "/run/web.sock" } }));
  const [pod] = pods;
  const node = sidecarNode(pod ?? { name: "", address: "" }, { explicit: true });
  const { listeners, clusters } = snapshotOf(mesh, pods, node);

  it("listens at the pod's own address, on the app's own ports", () => {
    const bound = listeners.filter(({ bindToPort }) => bindToPort);
    expect(bound.map(({ name }) => name)).toEqual([
      "http_proxy",
      "10.44.0.2_8080",
      "10.44.0.2_8081",
      "10.44.0.2_9000",
    ]);
  });

  it("forwards to the app's Unix socket, and to localhost where it has none", () => {
    const address = (name: string) =>
      clusters.find((cluster) => cluster.name === name)?.loadAssignment?.localities[0]?.endpoints[0]
        ?.address;
    expect(address("inbound|8080||")).toEqual({ kind: "pipe", path: "/run/web.sock" });
    expect(address("inbound|9000||")).toEqual({ kind: "socket", host: "127.0.0.1", port: 9000 });
  });
});
