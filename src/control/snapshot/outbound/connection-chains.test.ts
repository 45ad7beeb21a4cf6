import { describe, expect, it } from "vitest";
import { clientSnapshot, meshOf, podsOfMesh, sidecarNode } from "../../../../test/support/mesh.ts";
import type { FilterChain, Listener } from "../../../model/listener.ts";
import { SnapshotStore } from "../../snapshot.ts";

const DATABASE = `
apiVersion: v1
kind: Service
metadata: { name: db }
spec:
  clusterIP: 10.96.0.7
  selector: { app: db }
  ports: [{ name: tcp-main, port: 5432 }, { name: tls-main, port: 5433 }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: db }
spec: { host: db, subsets: [{ name: v1, labels: { v: "1" } }, { name: v2, labels: { v: "2" } }] }
`;

function rule(spec: string): string {
  return `${DATABASE}---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: db }
spec:
  hosts: [db]
${spec}
`;
}

function listenersOf(text: string, labels = {}): readonly Listener[] {
  return clientSnapshot(meshOf(text), { labels }).listeners;
}

function listenerAt(text: string, name: string, labels = {}): Listener {
  const found = listenersOf(text, labels).find((each) => each.name === name);
  if (found === undefined) throw new Error(`no listener ${name}`);
  return found;
}

/** `names|ranges -> cluster weight, …` of a chain. */
function show(chain: FilterChain | undefined): string {
  if (chain?.filter.kind !== "tcp") return "";
  const { serverNames, prefixRanges } = chain.match;
  const ranges = prefixRanges.map(({ address, prefixLength }) => `${address}/${prefixLength}`);
  const clusters = chain.filter.clusters.map(({ cluster, weight }) => {
    if (!cluster.includes("|")) return `${cluster} ${weight}`;
    const [, port, subset, host = ""] = cluster.split("|");
    const whom = [host.split(".svc")[0], subset].filter((part) => part !== "").join(" ");
    return `${whom}:${port} ${weight}`;
  });
  return `${[...serverNames, ...ranges].join(" ")} -> ${clusters.join(", ")}`;
}

function chainsOf(listener: Listener): string[] {
  return [...listener.filterChains, listener.defaultFilterChain].map((chain) => show(chain));
}

describe("a VirtualService's tcp", () => {
  it("divides connections by weight", () => {
    const route = `
  tcp:
  - route:
    - { destination: { host: db, subset: v1 }, weight: 80 }
    - { destination: { host: db, subset: v2 }, weight: 20 }`;
    const listener = listenerAt(rule(route), "10.96.0.7_5432");
    expect(chainsOf(listener)).toEqual([" -> db.default v1:5432 80, db.default v2:5432 20"]);
    expect(listener.listenerFilters).toEqual([]);
  });

  it("tells connections apart by port, by client and by where they go", () => {
    const route = `
  tcp:
  - match: [{ port: 5433 }]
    route: [{ destination: { host: db, subset: v2 } }]
  - match: [{ sourceLabels: { app: admin } }]
    route: [{ destination: { host: db, subset: v1 } }]
  - match: [{ destinationSubnets: [10.96.0.0/16] }]
    route: [{ destination: { host: db, subset: v2 } }]`;
    const text = rule(route);
    expect(chainsOf(listenerAt(text, "10.96.0.7_5432"))).toEqual([
      "10.96.0.0/16 -> db.default v2:5432 1",
      " -> db.default:5432 1",
    ]);
    const admin = listenerAt(text, "10.96.0.7_5432", { app: "admin" });
    expect(chainsOf(admin)).toEqual([" -> db.default v1:5432 1"]);
    expect(chainsOf(listenerAt(text, "10.96.0.7_5433"))).toEqual([" -> db.default v2:5433 1"]);
  });
});

describe("clients whose labels differ", () => {
  it("get the rules of their own labels, whoever asks first", () => {
    const text = rule(`
  tcp:
  - match: [{ sourceLabels: { app: admin } }]
    route: [{ destination: { host: db, subset: v1 } }]`);
    const mesh = meshOf(text);
    const store = new SnapshotStore();
    store.setWorld({ mesh, pods: podsOfMesh(mesh) });
    const chains = ["web", "admin"].map((app) => {
      const node = sidecarNode({ name: app, address: "10.44.1.1" }, { labels: { app } });
      const listeners = store.snapshotFor(node)?.listeners ?? [];
      return show(listeners.find(({ name }) => name === "10.96.0.7_5432")?.defaultFilterChain);
    });
    expect(chains).toEqual([" -> db.default:5432 1", " -> db.default v1:5432 1"]);
  });
});

describe("rules that want the same connections", () => {
  it("leave each name to the first of them, as Envoy refuses what matches twice", () => {
    const text = rule(`
  tls:
  - match: [{ sniHosts: [DB.default.svc.cluster.local, db.default.svc.cluster.local] }]
    route: [{ destination: { host: db, subset: v1 } }]
  - match: [{ sniHosts: [db.default.svc.cluster.local], destinationSubnets: [10.96.0.0/16] }]
    route: [{ destination: { host: db, subset: v2 } }]
  - match:
    - { sniHosts: [db.default.svc.cluster.local] }
    - { sniHosts: [db.default.svc.cluster.local], destinationSubnets: [10.96.0.0/16, 10.97.0.0/16] }
    route: [{ destination: { host: db, subset: v2 } }]`);
    expect(chainsOf(listenerAt(text, "10.96.0.7_5433"))).toEqual([
      "db.default.svc.cluster.local -> db.default v1:5433 1",
      "db.default.svc.cluster.local 10.96.0.0/16 -> db.default v2:5433 1",
      "db.default.svc.cluster.local 10.97.0.0/16 -> db.default v2:5433 1",
      " -> db.default:5433 1",
    ]);
  });
});

describe("rules for a range of addresses", () => {
  it("hold within the range alone", () => {
    const text = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: lan }
spec:
  hosts: ["*.lan.example"]
  addresses: [10.1.0.0/16]
  resolution: NONE
  ports: [{ number: 443, name: tls, protocol: TLS }]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: other }
spec:
  hosts: [other.example]
  addresses: [10.9.9.9]
  resolution: STATIC
  endpoints: [{ address: 10.2.2.2 }]
  ports: [{ number: 443, name: tls, protocol: TLS }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: lan }
spec:
  hosts: ["*.lan.example"]
  tls:
  - match: [{ sniHosts: [a.lan.example] }]
    route: [{ destination: { host: other.example } }]
`;
    expect(chainsOf(listenerAt(text, "0.0.0.0_443"))).toEqual([
      "a.lan.example 10.1.0.0/16 -> other.example:443 1",
      "10.1.0.0/16 -> *.lan.example:443 1",
      " -> PassthroughCluster 1",
    ]);
  });
});

describe("rules whose matches are all of gateways", () => {
  it("do not hold for sidecars", () => {
    const text = rule(`
  gateways: [mesh, edge]
  tcp:
  - match: [{ gateways: [edge], port: 5432 }]
    route: [{ destination: { host: db, subset: v1 } }]
  - route: [{ destination: { host: db, subset: v2 } }]`);
    expect(chainsOf(listenerAt(text, "10.96.0.7_5432"))).toEqual([" -> db.default v2:5432 1"]);
  });
});

describe("a VirtualService's tls", () => {
  it("goes by the name in the ClientHello", () => {
    const text = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: vault }
spec:
  hosts: ["*.vault.example"]
  addresses: [10.1.1.1]
  resolution: STATIC
  endpoints: [{ address: 10.2.2.2 }]
  ports: [{ number: 443, name: tls, protocol: TLS }]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: eu }
spec:
  hosts: [eu.example]
  addresses: [10.1.1.2]
  resolution: STATIC
  endpoints: [{ address: 10.2.2.3 }]
  ports: [{ number: 443, name: tls, protocol: TLS }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: vault }
spec:
  hosts: ["*.vault.example"]
  tls:
  - match: [{ port: 443, sniHosts: [eu.vault.example] }]
    route: [{ destination: { host: eu.example } }]
`;
    const listener = listenerAt(text, "10.1.1.1_443");
    expect(chainsOf(listener)).toEqual([
      "eu.vault.example -> eu.example:443 1",
      " -> *.vault.example:443 1",
    ]);
    expect(listener.listenerFilters).toEqual(["tlsInspector"]);
    expect(listener.filterChains[0]?.match.transportProtocol).toBe("tls");
  });
});

describe("TLS to hosts without an address", () => {
  it("is told apart by name on the port that they share", () => {
    const entry = (name: string, host: string): string => `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec:
  hosts: ["${host}"]
  resolution: NONE
  ports: [{ number: 8443, name: tls, protocol: TLS }]
`;
    const text = `${entry("one", "one.example")}${entry("any", "*.any.example")}`;
    const listener = listenerAt(text, "0.0.0.0_8443");
    expect(chainsOf(listener)).toEqual([
      "*.any.example -> *.any.example:8443 1",
      "one.example -> one.example:8443 1",
      " -> PassthroughCluster 1",
    ]);
    expect(listener.listenerFilters).toEqual(["tlsInspector"]);
  });
});
