/** Faults of a VirtualService, from its YAML to the client: our own sidecar and a real Envoy. */
import { rmSync } from "node:fs";
import { afterAll, afterEach, beforeEach, expect, it } from "vitest";
import { ask, type Reply } from "../support/ask.ts";
import { type LoopbackMesh, PLANES, startLoopbackMesh } from "../support/loopback-mesh.ts";
import { folderOf } from "../support/outrigger.ts";
import { describeWith } from "../support/tools.ts";

const RATINGS = `
apiVersion: v1
kind: Service
metadata: { name: ratings }
spec: { selector: { app: ratings }, ports: [{ name: http, port: 9080, targetPort: 9080 }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: ratings }
spec:
  selector: { matchLabels: { app: ratings } }
  template:
    metadata: { labels: { app: ratings } }
    spec: { containers: [{ name: ratings, image: ratings, ports: [{ containerPort: 9080 }] }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ratings }
spec:
  hosts: [ratings]
  http:
    - match: [{ headers: { end-user: { exact: jason } } }]
      fault: { abort: { httpStatus: 555, percentage: { value: 100 } } }
      route: [{ destination: { host: ratings } }]
    - match: [{ headers: { content-type: { exact: application/grpc } } }]
      fault: { abort: { grpcStatus: RESOURCE_EXHAUSTED, percentage: { value: 100 } } }
      route: [{ destination: { host: ratings } }]
    - match: [{ uri: { prefix: /slow } }]
      fault: { delay: { fixedDelay: 5ms, percentage: { value: 100 } } }
      route: [{ destination: { host: ratings } }]
    - route: [{ destination: { host: ratings } }]
`;

const folder = folderOf({ "ratings.yaml": RATINGS });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

for (const plane of PLANES) {
  describeWith(plane.needs, `faults of a VirtualService by ${plane.name}`, () => {
    let mesh: LoopbackMesh;

    beforeEach(async () => {
      mesh = await startLoopbackMesh(plane, [folder]);
    });

    afterEach(() => mesh?.stop());

    const ratings = (path: string, headers: Record<string, string> = {}): Promise<Reply> =>
      ask({ kind: "socket", ...mesh.proxy }, `http://ratings:9080${path}`, { headers });

    it("are for those whom the rule matches", async () => {
      const { body, status } = await ratings("/", { "end-user": "jason" });
      expect([status, body]).toEqual([555, "fault filter abort"]);
      const { headers } = await ratings("/", { "content-type": "application/grpc" });
      expect(headers).toMatchObject({ "grpc-status": "8", "grpc-message": "fault filter abort" });
      expect((await ratings("/slow")).status).toBe(200);
      expect((await ratings("/")).status).toBe(200);
      // The Envoy here has no admin server.
      if (plane.needs.length > 0) return;
      const { body: stats } = await ask(mesh.admin, "/stats");
      expect(stats).toMatch(/^http\..*\.fault\.aborts_injected: 2$/m);
      expect(stats).toMatch(/^http\..*\.fault\.delays_injected: 1$/m);
    });
  });
}
