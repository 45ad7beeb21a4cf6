import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { type Counts, countAnswers } from "../support/counting.ts";
import { PLANES, startLoopbackMesh } from "../support/loopback-mesh.ts";
import { describeWith } from "../support/tools.ts";

const CHANGES = 8;

function deployment(version: string): string {
  return `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web-${version} }
spec:
  selector: { matchLabels: { app: web, version: ${version} } }
  template:
    metadata: { labels: { app: web, version: ${version} } }
    spec: { containers: [{ name: web, image: web, ports: [{ containerPort: 8080 }] }] }
---`;
}

const SERVICES = `
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
---
${deployment("v1")}
${deployment("v2")}
`;

function everythingTo(version: string): string {
  return `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web }
spec: { host: web, subsets: [{ name: only-${version}, labels: { version: ${version} } }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web }
spec:
  hosts: [web]
  http: [{ route: [{ destination: { host: web, subset: only-${version} } }] }]
`;
}

/** As editors save: a new file over the old one. */
async function save(folder: string, text: string): Promise<void> {
  await writeFile(join(folder, ".policy.swp"), text);
  await rename(join(folder, ".policy.swp"), join(folder, "policy.yaml"));
}

for (const plane of PLANES) {
  describeWith(plane.needs, `a file that changes under ${plane.name}`, () => {
    it("moves every request to the other version, and no request is lost", async () => {
      const folder = await mkdtemp(join(tmpdir(), "outrigger-live-"));
      onTestFinished(() => rm(folder, { recursive: true }));
      await writeFile(join(folder, "services.yaml"), SERVICES);
      await save(folder, everythingTo("v1"));
      const mesh = await startLoopbackMesh(plane, [folder]);
      onTestFinished(() => mesh.stop());
      await expect.poll(() => mesh.control.status().some(({ synced }) => synced)).toBe(true);
      const ask = (count: number): Promise<Counts> =>
        countAnswers({ url: "http://web/", count, proxy: mesh.proxy });
      const seen = new Set<string>();
      for (let change = 0; change < CHANGES; change++) {
        const version = change % 2 === 0 ? "v2" : "v1";
        await save(folder, everythingTo(version));
        await vi.waitFor(
          async () => {
            const counts = await ask(20);
            for (const key of Object.keys(counts)) seen.add(key);
            expect(counts).toEqual({ [`web ${version} 200`]: 20 });
          },
          { timeout: 30_000, interval: 1 },
        );
      }
      expect([...seen].sort()).toEqual(["web v1 200", "web v2 200"]);
    });
  });
}
