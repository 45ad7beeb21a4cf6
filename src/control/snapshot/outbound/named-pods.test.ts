import { isIP } from "node:net";
import { describe, expect, it } from "vitest";
import {
  clientSnapshot,
  meshOf,
  podsOfMesh,
  sidecarNode,
  snapshotOf,
} from "../../../../test/support/mesh.ts";

const SERVICES = `
apiVersion: v1
kind: Service
metadata: { name: db }
spec:
  selector: { app: db }
  clusterIP: None
  ports: [{ name: http, port: 7000 }, { name: tcp, port: 7001 }]
---
apiVersion: v1
kind: Service
metadata: { name: raw }
spec: { selector: { app: db }, ports: [{ name: tcp, port: 90 }] }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: outside }
spec: { hosts: [example.org], ports: [{ number: 443, name: tls, protocol: TLS }], resolution: NONE }
---
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: db }
spec:
  replicas: 2
  selector: { matchLabels: { app: db } }
  template:
    metadata: { labels: { app: db } }
    spec: { containers: [{ name: db, image: db, ports: [{ containerPort: 7000 }] }] }
`;
const POD = "db-0.db.default.svc.cluster.local";

describe("a StatefulSet's pod, addressed by its own name in explicit mode", () => {
  const snapshot = clientSnapshot(meshOf(SERVICES), { explicit: true });
  const clusterOf = (cluster: string) =>
    snapshot.endpoints
      .filter(({ clusterName }) => clusterName === cluster)
      .flatMap(({ localities }) => localities.flatMap(({ endpoints }) => endpoints));

  it("is a cluster of its own", () => {
    expect(clusterOf(`outbound|7000||${POD}`).map(({ address }) => address)).toMatchObject([
      { host: "10.44.0.2", port: 7000 },
    ]);
  });

  it.each(["http_proxy", "7000"])("is a host of its own in the routes %s", (name) => {
    const routes = snapshot.routes.find((each) => each.name === name);
    const host = routes?.virtualHosts.find((each) => each.name === `${POD}:7000`);
    const port = name === "7000" ? "" : ":7000";
    expect(host?.domains).toContain(`db-0.db${port}`);
    expect(host?.routes[0]?.action).toMatchObject({ kind: "forward" });
  });

  it.each([
    { name: "db-1.db_7001", cluster: "outbound|7001||db-1.db.default.svc.cluster.local" },
    { name: "db_7001", cluster: "outbound|7001||db.default.svc.cluster.local" },
    { name: "raw.default_90", cluster: "outbound|90||raw.default.svc.cluster.local" },
  ])("is found by CONNECT as $name, as TCP services are", ({ name, cluster }) => {
    const listener = snapshot.listeners.find((each) => each.name === name);
    expect(listener?.bindToPort).toBe(false);
    expect(listener?.defaultFilterChain?.filter).toMatchObject({ clusters: [{ cluster }] });
  });

  it("is not confused with hosts that only their own DNS knows", () => {
    expect(snapshot.listeners.map(({ name }) => name)).not.toContain("example.org_443");
  });
});

it("is left to its address where connections are redirected", () => {
  const { clusters } = clientSnapshot(meshOf(SERVICES));
  expect(clusters.map(({ name }) => name)).not.toContain(`outbound|7000||${POD}`);
});

it("is not listened for at names by Envoy, which refuses them", () => {
  const client = sidecarNode({ name: "client", address: "10.44.1.1" }, { explicit: true });
  const mesh = meshOf(SERVICES);
  const { listeners } = snapshotOf(mesh, podsOfMesh(mesh), { ...client, userAgentName: "envoy" });
  const hosts = listeners.map(({ address }) => (address.kind === "socket" ? address.host : ""));
  expect(hosts.filter((host) => isIP(host) === 0)).toEqual([]);
});
