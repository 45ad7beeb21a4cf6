import { describe, expect, it } from "vitest";
import { clientSnapshot, meshOf } from "../../../../test/support/mesh.ts";
import type { FilterChain, Listener } from "../../../model/listener.ts";

const SERVICES = `
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, clusterIP: 10.96.0.1, ports: [{ name: http, port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: db }
spec: { selector: { app: db }, clusterIP: 10.96.0.2, ports: [{ name: tcp-sql, port: 3306 }] }
---
apiVersion: v1
kind: Service
metadata: { name: plain }
spec: { selector: { app: plain }, clusterIP: 10.96.0.3, ports: [{ name: main, port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: rpc }
spec: { selector: { app: rpc }, clusterIP: 10.96.0.4, ports: [{ name: grpc, port: 7070 }] }
---
apiVersion: v1
kind: Service
metadata: { name: store }
spec: { selector: { app: store }, clusterIP: None, ports: [{ name: tcp, port: 6379 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: store, labels: { app: store } }
spec: { containers: [{ name: store, image: store, ports: [{ containerPort: 6379 }] }] }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: mongo }
spec:
  hosts: [mongo.example.com]
  addresses: [192.0.2.0/24]
  ports: [{ number: 27017, name: mongo, protocol: MONGO }]
  resolution: NONE
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: api }
spec:
  hosts: [api.example.com]
  ports: [{ number: 80, name: tcp, protocol: TCP }]
  resolution: NONE
`;

const snapshot = clientSnapshot(meshOf(SERVICES));

function named(name: string): Listener {
  const found = snapshot.listeners.find((listener) => listener.name === name);
  if (found === undefined) throw new Error(`no listener ${name}`);
  return found;
}

/** `http:80`, `tcp:PassthroughCluster`: what a chain does, in short. */
function show(chain: FilterChain | undefined): string {
  if (chain === undefined) return "";
  const { filter } = chain;
  if (filter.kind === "tcp") return `tcp:${filter.clusters.map(({ cluster }) => cluster).join()}`;
  return filter.routes.kind === "rds" ? `http:${filter.routes.name}` : "http";
}

describe.each([
  {
    name: "0.0.0.0_80",
    chains: ["http:80"],
    otherwise: "tcp:outbound|80||api.example.com",
    inspected: true,
  },
  {
    name: "10.96.0.3_80",
    chains: ["http:plain.default.svc.cluster.local:80"],
    otherwise: "tcp:outbound|80||plain.default.svc.cluster.local",
    inspected: true,
  },
  {
    name: "10.96.0.2_3306",
    chains: [],
    otherwise: "tcp:outbound|3306||db.default.svc.cluster.local",
    inspected: false,
  },
  {
    name: "0.0.0.0_7070",
    chains: ["http:7070"],
    otherwise: "tcp:PassthroughCluster",
    inspected: true,
  },
  {
    name: "10.44.0.2_6379",
    chains: [],
    otherwise: "tcp:outbound|6379||store.default.svc.cluster.local",
    inspected: false,
  },
  {
    name: "0.0.0.0_27017",
    chains: ["tcp:outbound|27017||mongo.example.com"],
    otherwise: "tcp:PassthroughCluster",
    inspected: false,
  },
])("the listener $name", ({ name, chains, otherwise, inspected }) => {
  const listener = named(name);

  it("is reached through the redirected connection's destination alone", () => {
    expect(listener.bindToPort).toBe(false);
  });

  it(`leads to ${[...chains, otherwise].join(", else ")}`, () => {
    expect(listener.filterChains.map(show)).toEqual(chains);
    expect(show(listener.defaultFilterChain)).toBe(otherwise);
  });

  it(`${inspected ? "looks" : "does not look"} for HTTP in the first bytes`, () => {
    expect(listener.listenerFilters.includes("httpInspector")).toBe(inspected);
  });
});

describe("virtualOutbound", () => {
  const listener = named("virtualOutbound");

  it("takes every redirected connection and hands it to its destination's listener", () => {
    expect(listener).toMatchObject({
      address: { host: "0.0.0.0", port: 15001 },
      bindToPort: true,
      useOriginalDst: true,
    });
  });

  it("passes on what has no listener, but not what was addressed to itself", () => {
    expect(listener.filterChains.map(show)).toEqual(["tcp:BlackHoleCluster"]);
    expect(listener.filterChains[0]?.match.destinationPort).toBe(15001);
    expect(show(listener.defaultFilterChain)).toBe("tcp:PassthroughCluster");
  });
});

it("gives the ServiceEntry's range to the chain, not to the listener", () => {
  expect(named("0.0.0.0_27017").filterChains[0]?.match.prefixRanges).toEqual([
    { address: "192.0.2.0", prefixLength: 24 },
  ]);
});

it("gives a range that two hosts claim to the first, because Envoy takes it once", () => {
  const both = meshOf(SERVICES.replace("[mongo.example.com]", "[mongo.example.com, other.com]"));
  const { listeners } = clientSnapshot(both);
  const chains = listeners.find(({ name }) => name === "0.0.0.0_27017")?.filterChains;
  expect(chains?.map(show)).toEqual(["tcp:outbound|27017||mongo.example.com"]);
});

it("keeps the hosts of a port in one route configuration, sniffed ones also in their own", () => {
  expect(snapshot.routes.map(({ name }) => name).sort()).toEqual([
    "7070",
    "80",
    "plain.default.svc.cluster.local:80",
  ]);
});
