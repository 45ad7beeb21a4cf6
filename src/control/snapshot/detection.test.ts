import { describe, expect, it } from "vitest";
import { clientSnapshot, meshOf, podSnapshot } from "../../../test/support/mesh.ts";

const SERVICES = `
apiVersion: v1
kind: Service
metadata: { name: mail }
spec:
  selector: { app: mail }
  clusterIP: 10.96.0.1
  ports: [{ name: mail, port: 2500 }, { name: tcp-other, port: 2600 }, { name: http, port: 80 }]
---
apiVersion: v1
kind: Pod
metadata: { name: mail, labels: { app: mail } }
spec: { containers: [{ name: mail, image: mail, ports: [{ containerPort: 2500 }] }] }
`;
const WRITTEN = `
---
apiVersion: mesh.istio.io/v1alpha1
kind: MeshConfig
metadata: { name: mesh }
protocolDetectionTimeout: 250ms
`;

/** Listeners whose clients are waited for, and for how long. */
function waits(yaml: string, explicit: boolean): Record<string, number> {
  const mesh = meshOf(yaml);
  const { listeners } = clientSnapshot(mesh, { explicit });
  const inbound = podSnapshot(mesh, "mail-0", { explicit }).listeners.filter(
    ({ direction }) => direction === "inbound",
  );
  return Object.fromEntries(
    [...listeners, ...inbound]
      .filter(({ listenerFilters }) => listenerFilters.includes("httpInspector"))
      .map(({ name, listenerFiltersTimeoutMs }) => [name, listenerFiltersTimeoutMs]),
  );
}

describe("a client that says nothing, where a port does not say what it speaks", () => {
  it("is waited for without end, but five seconds at a pod that has TCP ports", () => {
    const waited = { "10.96.0.1_2500": 0, "0.0.0.0_80": 0, virtualInbound: 5000 };
    expect(waits(SERVICES, false)).toEqual(waited);
  });

  it("is waited for as long as MeshConfig says", () => {
    const waited = { "10.96.0.1_2500": 250, "0.0.0.0_80": 250, virtualInbound: 250 };
    expect(waits(SERVICES + WRITTEN, false)).toEqual(waited);
    const explicit = waits(SERVICES + WRITTEN, true);
    expect(new Set(Object.values(explicit))).toEqual(new Set([250]));
    expect(Object.keys(explicit).filter((name) => name.endsWith("_2500")).length).toBeGreaterThan(
      1,
    );
  });
});
