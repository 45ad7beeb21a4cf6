import { describe, expect, it } from "vitest";
import { meshOf, podsOfMesh, sidecarNode } from "../../test/support/mesh.ts";
import type { Snapshot } from "./server/snapshot-source.ts";
import { SnapshotStore } from "./snapshot.ts";

const WEB = `
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 3
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: web, image: web, ports: [{ containerPort: 8080 }] }] }
`;
const API = `
---
apiVersion: v1
kind: Service
metadata: { name: api }
spec: { selector: { app: api }, ports: [{ name: http, port: 81 }] }
`;
const NODE = sidecarNode({ name: "client", address: "10.44.1.1" });

function storeOf(text: string): { store: SnapshotStore; get: () => Snapshot } {
  const store = new SnapshotStore();
  const mesh = meshOf(text);
  store.setWorld({ mesh, pods: podsOfMesh(mesh) });
  const get = (): Snapshot => {
    const snapshot = store.snapshotFor(NODE);
    if (snapshot === undefined) throw new Error("no snapshot");
    return snapshot;
  };
  return { store, get };
}

describe("SnapshotStore", () => {
  it("has nothing before there is a mesh", () => {
    expect(new SnapshotStore().snapshotFor(NODE)).toBeUndefined();
  });

  it("names equal contents by equal versions, and others by others", () => {
    const version = storeOf(WEB).get().version;
    expect(storeOf(WEB).get().version).toBe(version);
    expect(storeOf(WEB + API).get().version).not.toBe(version);
  });

  it("keeps the objects that a change did not touch", () => {
    const { store, get } = storeOf(WEB);
    const before = get();
    const mesh = meshOf(WEB + API);
    store.setWorld({ mesh, pods: podsOfMesh(mesh) });
    const after = get();
    const web = "outbound|80||web.default.svc.cluster.local";
    const cluster = (snapshot: Snapshot) => snapshot.clusters.find(({ name }) => name === web);
    expect(cluster(after)).toBe(cluster(before));
    expect(after.endpoints).toContain(before.endpoints[0]);
    expect(after.listeners[0]).toBe(before.listeners[0]);
  });

  it("changes nothing but endpoints when a pod stops being ready", () => {
    const { store, get } = storeOf(WEB);
    const before = get();
    const mesh = meshOf(WEB);
    const [gone, ...others] = podsOfMesh(mesh);
    store.setWorld({ mesh, pods: [...(gone ? [{ ...gone, ready: false }] : []), ...others] });
    const after = get();
    const same = (left: readonly object[], right: readonly object[]) =>
      left.length === right.length && left.every((each, index) => each === right[index]);
    expect(same(after.listeners, before.listeners)).toBe(true);
    expect(same(after.routes, before.routes)).toBe(true);
    expect(same(after.clusters, before.clusters)).toBe(true);
    expect(same(after.endpoints, before.endpoints)).toBe(false);
    expect(after.version).not.toBe(before.version);
  });

  it("shares everything outbound between the pods of a namespace", () => {
    const { store } = storeOf(WEB);
    const [a, b] = podsOfMesh(meshOf(WEB)).map((pod) => store.snapshotFor(sidecarNode(pod)));
    expect(a?.routes).toBe(b?.routes);
    expect(a?.endpoints).toBe(b?.endpoints);
    expect(a?.listeners.map(({ name }) => name)).toContain("virtualInbound");
  });

  it("tells its subscribers, until they have enough", () => {
    const { store } = storeOf(WEB);
    let told = 0;
    const end = store.onChange(() => told++);
    store.publish();
    end();
    store.publish();
    expect(told).toBe(1);
  });
});
