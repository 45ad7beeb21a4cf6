import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { DiscoveryTarget } from "../../src/api/discovery.ts";
import type { ServiceRow, SplitRow } from "../../src/api/mesh.ts";
import type { DiagnosticsReport } from "../../src/api/status.ts";
import { startControl } from "../../src/control/main.ts";
import type { ControlChange, RunningControl } from "../../src/control/running-control.ts";
import { formatAddress, socketAddress } from "../../src/model/address.ts";
import { podsOfMesh } from "../support/mesh.ts";

const SERVICE = `
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web-v1 }
spec:
  selector: { matchLabels: { app: web, version: v1 } }
  template:
    metadata: { labels: { app: web, version: v1 } }
    spec: { containers: [{ name: web, image: web, ports: [{ containerPort: 8080 }] }] }
`;

const SPLIT = `
apiVersion: split.smi-spec.io/v1alpha2
kind: TrafficSplit
metadata: { name: web }
spec: { service: web, backends: [{ service: web, weight: 3 }, { service: web-next, weight: 1 }] }
---
apiVersion: v1
kind: Service
metadata: { name: web-next }
spec: { selector: { app: web-next }, ports: [{ name: http, port: 80 }] }
`;

let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "outrigger-control-"));
  await writeFile(join(folder, "web.yaml"), SERVICE);
});

afterEach(() => rm(folder, { recursive: true }));

const options = () => ({
  paths: [folder],
  adsAddress: socketAddress("127.0.0.1", 0),
  httpAddress: socketAddress("127.0.0.1", 0),
});

async function started(): Promise<RunningControl> {
  const start = await startControl(options());
  if (start.kind === "refused") throw new Error(JSON.stringify(start.diagnostics));
  onTestFinished(() => start.control.stop());
  return start.control;
}

async function page<T>(control: RunningControl, path: string): Promise<T> {
  const response = await fetch(`http://${formatAddress(control.httpAddress)}${path}`);
  expect(response.status).toBe(200);
  return (await response.json()) as T;
}

describe("the control plane", () => {
  it("tells Prometheus where each pod's metrics are, on the pod's own address", async () => {
    const control = await started();
    control.setPods(podsOfMesh(control.mesh));
    expect(await page<DiscoveryTarget[]>(control, "/sd")).toMatchObject([
      {
        targets: ["10.44.0.2:15020"],
        labels: {
          __metrics_path__: "/stats/prometheus",
          namespace: "default",
          pod: "web-v1-0",
          workload: "web-v1",
          app: "web",
          version: "v1",
        },
      },
    ]);
  });

  it("gives each service a virtual address, and says so", async () => {
    const control = await started();
    const [service] = await page<ServiceRow[]>(control, "/api/services");
    expect(service?.addresses).toEqual(control.mesh.services[0]?.addresses);
    expect(service?.addresses).toHaveLength(1);
  });

  it("shows what a split wants", async () => {
    await writeFile(join(folder, "split.yaml"), SPLIT);
    const control = await started();
    const [split] = await page<SplitRow[]>(control, "/api/splits");
    expect(split).toMatchObject({
      service: "web.default.svc.cluster.local",
      dialect: "smi",
      subject: "TrafficSplit default/web",
      backends: [
        { service: "web.default.svc.cluster.local", weight: 3, share: 0.75 },
        { service: "web-next.default.svc.cluster.local", weight: 1, share: 0.25 },
      ],
    });
  });

  it("counts what it has, under Istio's names", async () => {
    const control = await started();
    const response = await fetch(`http://${formatAddress(control.httpAddress)}/metrics`);
    const text = await response.text();
    expect(text).toContain("pilot_services 1");
    expect(text).toContain("pilot_xds 0");
  });

  it("takes a changed file over", async () => {
    const control = await started();
    const changes: ControlChange[] = [];
    control.onChange((change) => changes.push(change));
    await writeFile(join(folder, "split.yaml"), SPLIT);
    await expect.poll(() => changes).toHaveLength(1);
    expect(changes[0]?.accepted).toBe(true);
    expect(control.mesh.services.map(({ name }) => name)).toEqual(["web-next", "web"]);
  });

  it("keeps the last good mesh whole when a change is wrong, and says what is wrong", async () => {
    const control = await started();
    const before = control.mesh;
    const changes: ControlChange[] = [];
    control.onChange((change) => changes.push(change));
    await writeFile(join(folder, "new.yaml"), `${SPLIT}---\napiVersion: v1\nkind: Service\n`);
    await expect.poll(() => changes).toHaveLength(1);
    expect(changes[0]?.accepted).toBe(false);
    expect(control.mesh).toBe(before);
    const report = await page<DiagnosticsReport>(control, "/api/diagnostics");
    expect(report.accepted).toBe(false);
    expect(report.errors).toBeGreaterThan(0);
    expect(report.diagnostics.some(({ position }) => position?.file.endsWith("new.yaml"))).toBe(
      true,
    );
  });

  it("starts nothing where the first reading has errors, and tells all of them", async () => {
    await writeFile(join(folder, "a.yaml"), "kind: [\n");
    await writeFile(join(folder, "b.yaml"), "apiVersion: v1\nkind: Service\n");
    const start = await startControl(options());
    expect(start.kind).toBe("refused");
    const files = start.kind === "refused" ? start.diagnostics.map((d) => d.position?.file) : [];
    expect(files.some((file) => file?.endsWith("a.yaml"))).toBe(true);
    expect(files.some((file) => file?.endsWith("b.yaml"))).toBe(true);
  });
});
