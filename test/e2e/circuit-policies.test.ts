import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import type { Pod } from "../../src/model/mesh.ts";
import { ask, type Reply } from "../support/ask.ts";
import {
  type LoopbackMesh,
  PLANES,
  type Plane,
  startLoopbackMesh,
} from "../support/loopback-mesh.ts";
import { MoodyEndpoint } from "../support/moody-endpoint.ts";
import { running } from "../support/one-hop.ts";
import { describeWith } from "../support/tools.ts";

const PORT = 8080;
const PODS = 2;
const ERRORS = 3;
/** More would mean that what is waited for never comes. */
const REQUESTS_MAX = 20_000;

function service(name: string): string {
  return `
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { selector: { app: ${name} }, ports: [{ name: http, port: 80, targetPort: ${PORT} }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  replicas: ${PODS}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec: { containers: [{ name: a, image: a, ports: [{ containerPort: ${PORT} }] }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name} }
spec:
  hosts: [${name}]
  http: [{ route: [{ destination: { host: ${name} } }], retries: { attempts: 0 } }]
---
`;
}

function policy(name: string, target: string, sleep: string): string {
  return `
apiVersion: outrigger.dev/v1alpha1
kind: CircuitBreaker
metadata: { name: ${name} }
spec:
  targetRefs: [{ kind: Service, name: ${target} }]
  open: { consecutiveErrors: ${ERRORS} }
  sleep: ${sleep}
  explain: true
---
`;
}

class Scene {
  readonly folder: string = mkdtempSync(join(tmpdir(), "outrigger-circuits-"));
  readonly endpoints: MoodyEndpoint[] = [];
  #mesh: LoopbackMesh | undefined;

  static async start(plane: Plane, policies: string): Promise<Scene> {
    const scene = new Scene();
    onTestFinished(() => rmSync(scene.folder, { recursive: true }));
    writeFileSync(join(scene.folder, "services.yaml"), service("web") + service("other"));
    scene.save(policies);
    const serve = async ({ address }: Pod): Promise<() => void> => {
      const endpoint = await MoodyEndpoint.start(PORT, address);
      endpoint.mood = { status: 503 };
      scene.endpoints.push(endpoint);
      return () => undefined;
    };
    scene.#mesh = await startLoopbackMesh(plane, [scene.folder], "default", serve);
    running.unshift(scene.#mesh);
    return scene;
  }

  get mesh(): LoopbackMesh {
    if (this.#mesh === undefined) throw new Error("the mesh does not run");
    return this.#mesh;
  }

  /** As editors save: a new file over the old one. */
  save(policies: string): void {
    writeFileSync(join(this.folder, ".policies.swp"), policies);
    renameSync(join(this.folder, ".policies.swp"), join(this.folder, "policies.yaml"));
  }

  get(url: string): Promise<Reply> {
    const { host, port } = this.mesh.proxy;
    return ask({ kind: "socket", host, port }, url);
  }

  /** What has come to the pods. */
  get requests(): number {
    return this.endpoints.reduce((sum, { requests }) => sum + requests, 0);
  }

  /** Asks until a request comes to no pod any more; how many came. */
  async untilOpen(url: string): Promise<number> {
    const before = this.requests;
    for (let sent = 0; sent < REQUESTS_MAX; sent++) {
      const reached = this.requests;
      await this.get(url);
      if (this.requests === reached) return reached - before;
    }
    throw new Error("the circuit never opens");
  }
}

const [OURS, ENVOY] = PLANES;
if (OURS === undefined || ENVOY === undefined) throw new Error("a plane is missing");

describeWith(OURS.needs, "a CircuitBreaker, from its file to our data plane", () => {
  it("opens one circuit for all endpoints, and says which policy it was", async () => {
    const scene = await Scene.start(OURS, policy("web", "web", "1h"));
    expect(await scene.untilOpen("http://web/")).toBe(ERRORS);
    const { body, headers, status } = await scene.get("http://web/");
    expect({ body, status }).toEqual({ status: 503, body: "circuit default/web is open" });
    expect(headers["x-outrigger-circuit"]).toBe("default/web");
    await scene.get("http://other/");
    expect(scene.requests).toBe(ERRORS + 1);
  });

  it("shows it in the configuration that the sidecar dumps", async () => {
    const scene = await Scene.start(OURS, policy("web", "web", "1h"));
    const dumped = async (): Promise<number | undefined> => {
      const { body } = await ask(scene.mesh.admin, "/config_dump");
      return body.match(/"outrigger.circuit"/g)?.length;
    };
    await expect.poll(dumped, { timeout: 30_000 }).toBe(1);
  });

  it("stays open while other policies come, change and go", async () => {
    const scene = await Scene.start(OURS, policy("web", "web", "1h"));
    await scene.untilOpen("http://web/");
    scene.save(policy("web", "web", "1h") + policy("other", "other", "1h"));
    await expect
      .poll(async () => (await scene.get("http://other/")).headers["x-outrigger-circuit"], {
        timeout: 30_000,
        interval: 1,
      })
      .toBe("default/other");
    expect((await scene.get("http://web/")).body).toBe("circuit default/web is open");
    scene.save(policy("web", "web", "1h"));
    await expect
      .poll(async () => (await scene.get("http://other/")).headers["x-outrigger-circuit"], {
        timeout: 30_000,
        interval: 1,
      })
      .toBeUndefined();
    expect((await scene.get("http://web/")).body).toBe("circuit default/web is open");
  });
});

describeWith(ENVOY.needs, "a CircuitBreaker, from its file to a real Envoy", () => {
  it("ejects each endpoint by its own errors, till none is left", async () => {
    const scene = await Scene.start(ENVOY, policy("web", "web", "1h"));
    // Its workers hear of the second one when update_merge_window, a second, is over.
    const reached = await scene.untilOpen("http://web/");
    expect(reached).toBeGreaterThanOrEqual(PODS * ERRORS);
    const { body, status } = await scene.get("http://web/");
    expect({ body, status }).toEqual({ status: 503, body: "no healthy upstream" });
    await scene.get("http://other/");
    expect(scene.requests).toBe(reached + 1);
  });

  it("is told of as what it is: the nearest, with something lost", async () => {
    const scene = await Scene.start(ENVOY, policy("web", "web", "1h"));
    const lost = scene.mesh.control.diagnostics.filter(({ code }) => code === "OUT0705");
    expect(lost.map(({ subject }) => subject)).toEqual(["CircuitBreaker default/web"]);
  });
});
