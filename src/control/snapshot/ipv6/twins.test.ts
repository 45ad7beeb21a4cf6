import { describe, expect, it } from "vitest";
import { meshOf, podsOfMesh, sidecarNode, snapshotOf } from "../../../../test/support/mesh.ts";
import type { FilterChain, Listener } from "../../../model/listener.ts";

const MESH = meshOf(`
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  selector: { app: web }
  clusterIP: 10.96.0.1
  ports: [{ name: http, port: 80 }, { name: tcp-sql, port: 3306 }]
---
apiVersion: v1
kind: Pod
metadata: { name: web, labels: { app: web } }
spec: { containers: [{ name: web, image: web, ports: [{ containerPort: 80 }] }] }
`);

function snapshotWith(ipv6Address: string | undefined) {
  const pods = podsOfMesh(MESH).map((pod) => ({ ...pod, ipv6Address }));
  const [pod] = pods;
  if (pod === undefined) throw new Error("there is no pod");
  return snapshotOf(MESH, pods, sidecarNode(pod, { namespace: pod.namespace }));
}

const plain = snapshotWith(undefined);
const dual = snapshotWith("fd00::2");
const names = (listeners: readonly Listener[]): string[] => listeners.map(({ name }) => name);

/** The clusters that a chain leads to. */
function clustersOf({ filter }: FilterChain): string[] {
  if (filter.kind === "tcp") return filter.clusters.map(({ cluster }) => cluster);
  if (filter.routes.kind !== "inline") return [];
  return filter.routes.config.virtualHosts.flatMap(({ routes }) =>
    routes.flatMap(({ action }) =>
      action.kind === "forward" ? action.clusters.map(({ cluster }) => cluster) : [],
    ),
  );
}

describe("the configuration of a pod with an IPv6 address", () => {
  it("has a twin of each listener of any IPv4 address, and nothing else is new", () => {
    expect(names(dual.listeners).filter((name) => !names(plain.listeners).includes(name))).toEqual([
      ...["virtualOutbound_ipv6", "[::]_80", "virtualInbound_ipv6"],
    ]);
    const twins = dual.listeners.filter(({ address }) => {
      return address.kind === "socket" && address.host === "::";
    });
    expect(twins).toHaveLength(3);
    expect(dual.routes).toEqual(plain.routes);
  });

  it("sends what comes in over IPv6 on over IPv6", () => {
    const inbound = dual.listeners.find(({ name }) => name === "virtualInbound_ipv6");
    const chains = [...(inbound?.filterChains ?? []), inbound?.defaultFilterChain].filter(
      (chain) => chain !== undefined,
    );
    expect(new Set(chains.flatMap(clustersOf))).toEqual(
      new Set(["BlackHoleCluster", "InboundPassthroughClusterIpv6"]),
    );
    const cluster = dual.clusters.find(({ name }) => name === "InboundPassthroughClusterIpv6");
    expect(cluster).toMatchObject({ discovery: "originalDst", bindAddress: { host: "::6" } });
  });

  it("keeps the filters of each port", () => {
    const kinds = (name: string) =>
      dual.listeners
        .find((each) => each.name === name)
        ?.filterChains.map(({ match, filter }) => [match.destinationPort, filter.kind]);
    expect(kinds("virtualInbound_ipv6")).toEqual(kinds("virtualInbound"));
  });
});
