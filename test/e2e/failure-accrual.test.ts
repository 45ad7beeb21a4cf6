import { rmSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
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
import { folderOf } from "../support/outrigger.ts";
import { describeWith } from "../support/tools.ts";

const PORT = 8080;
const CART = `
apiVersion: v1
kind: Service
metadata:
  name: cart
  annotations:
    timeout.linkerd.io/request: 10m
    timeout.linkerd.io/idle: 5m
    balancer.linkerd.io/failure-accrual: consecutive
    balancer.linkerd.io/failure-accrual-consecutive-max-failures: "3"
    balancer.linkerd.io/failure-accrual-consecutive-min-penalty: 300ms
    balancer.linkerd.io/failure-accrual-consecutive-jitter-ratio: "0"
spec: { selector: { app: cart }, ports: [{ name: http, port: 80, targetPort: ${PORT} }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: cart }
spec:
  replicas: 3
  selector: { matchLabels: { app: cart } }
  template:
    metadata: { labels: { app: cart } }
    spec: { containers: [{ name: cart, image: cart, ports: [{ containerPort: ${PORT} }] }] }
`;

const quick = folderOf({ "cart.yaml": CART });
const hours = folderOf({
  "cart.yaml": CART.replace(
    "min-penalty: 300ms",
    "min-penalty: 1h\n    balancer.linkerd.io/failure-accrual-consecutive-max-penalty: 2h",
  ),
});
const seconds = folderOf({
  "cart.yaml": CART.replace(
    "min-penalty: 300ms",
    "min-penalty: 8s\n    balancer.linkerd.io/failure-accrual-consecutive-max-penalty: 8s",
  ),
});
afterAll(() => {
  for (const folder of [quick, hours, seconds]) rmSync(folder, { recursive: true, force: true });
});

/** More would mean that what is waited for never comes. */
const REQUESTS_MAX = 20_000;

class Scene {
  readonly mesh: LoopbackMesh;
  readonly endpoints: readonly MoodyEndpoint[];

  constructor(mesh: LoopbackMesh, endpoints: readonly MoodyEndpoint[]) {
    this.mesh = mesh;
    this.endpoints = endpoints;
  }

  static async start(plane: Plane, folder: string): Promise<Scene> {
    const endpoints: MoodyEndpoint[] = [];
    const serve = async ({ address }: Pod): Promise<() => void> => {
      endpoints.push(await MoodyEndpoint.start(PORT, address));
      return () => undefined;
    };
    const mesh = await startLoopbackMesh(plane, [folder], "default", serve);
    running.unshift(mesh);
    return new Scene(mesh, endpoints);
  }

  request(): Promise<Reply> {
    const { host, port } = this.mesh.proxy;
    return ask({ kind: "socket", host, port }, "http://cart/");
  }

  async ask(): Promise<number> {
    return (await this.request()).status;
  }

  /** One request after the other, until this holds; their statuses. */
  async asksUntil(holds: () => boolean): Promise<number[]> {
    const statuses: number[] = [];
    while (!holds()) {
      if (statuses.length === REQUESTS_MAX) throw new Error("it never comes to that");
      statuses.push(await this.ask());
    }
    return statuses;
  }

  async metric(name: string): Promise<string | undefined> {
    const { body } = await ask(this.mesh.admin, "/stats/prometheus");
    return new RegExp(`^${name}\\{[^}]*cart[^}]*\\} (.*)$`, "m").exec(body)?.[1];
  }

  /** Changes of endpoints to a state. */
  changes(to: string): Promise<string | undefined> {
    return this.metric(`outrigger_accrual_transitions_total(?=\\{[^}]*to="${to}")`);
  }
}

const OURS = PLANES.filter(({ needs }) => needs.length === 0);
const ENVOY = PLANES.filter(({ needs }) => needs.length > 0);

describe.each(OURS)("one failing endpoint of three, behind $name", (plane) => {
  it("is shut, tried by one request, and serves again when that went well", async () => {
    const scene = await Scene.start(plane, quick);
    const bad = scene.endpoints[1] as MoodyEndpoint;
    bad.mood = { status: 500 };
    const statuses = await scene.asksUntil(() => bad.requests === 3);
    expect(statuses.filter((status) => status === 500)).toHaveLength(3);
    bad.mood = { status: 200 };
    bad.holds = true;

    const asking = Array.from({ length: 4 }, () => scene.asksUntil(() => bad.requests > 3));
    await expect.poll(() => bad.held, { timeout: 20_000 }).toBe(1);
    const meanwhile = await scene.asksUntil(onlySoOften(30));
    expect(new Set(meanwhile)).toEqual(new Set([200]));
    expect(bad.requests).toBe(4);
    expect(await scene.changes("probation")).toBe("1");
    expect(await scene.metric("outrigger_accrual_shut_endpoints")).toBe("1");

    bad.holds = false;
    bad.release();
    expect(new Set((await Promise.all(asking)).flat())).toEqual(new Set([200]));
    await scene.asksUntil(() => bad.requests >= 8);
    expect(await scene.changes("shut")).toBe("1");
    expect(await scene.changes("serving")).toBe("1");
    expect(await scene.metric("outrigger_accrual_shut_endpoints")).toBe("0");
  });
});

describe.each(OURS)("all endpoints, behind $name", (plane) => {
  it("are shut: requests wait, fail and say why, until one on probation goes well", async () => {
    const scene = await Scene.start(plane, seconds);
    for (const endpoint of scene.endpoints) endpoint.mood = { status: 500 };
    let reply = await scene.request();
    while (reply.status === 500) reply = await scene.request();
    const cluster = "outbound|80||cart.default.svc.cluster.local";
    expect(reply.status).toBe(504);
    expect(reply.headers["x-outrigger-fail-fast"]).toBe(cluster);
    expect(reply.body).toBe(`no endpoint of ${cluster} has been ready for 3 s`);
    const refused = await scene.metric('outrigger_accrual_refused_total(?=\\{[^}]*"fail_fast")');
    expect(Number(refused)).toBeGreaterThan(0);

    for (const endpoint of scene.endpoints) endpoint.mood = { status: 200 };
    await expect.poll(() => scene.ask(), { timeout: 40_000, interval: 100 }).toBe(200);
    expect(Number(await scene.changes("probation"))).toBeGreaterThan(0);
    await expect.poll(() => scene.metric("outrigger_accrual_fail_fast")).toBe("0");
    const served = () => scene.endpoints.every(({ requests }) => requests > 6);
    expect(new Set(await scene.asksUntil(served))).toEqual(new Set([200]));
    expect(await scene.metric("outrigger_accrual_shut_endpoints")).toBe("0");
  }, 90_000);
});

/** True after so many questions. */
function onlySoOften(count: number): () => boolean {
  let left = count;
  return () => left-- === 0;
}

for (const plane of ENVOY) {
  describeWith(plane.needs, `one failing endpoint of three, behind ${plane.name}`, () => {
    it("is ejected for as long as it would be shut", async () => {
      const scene = await Scene.start(plane, hours);
      const bad = scene.endpoints[1] as MoodyEndpoint;
      bad.mood = { status: 500 };
      const statuses = await scene.asksUntil(() => bad.requests === 3);
      expect(statuses.filter((status) => status === 500)).toHaveLength(3);
      expect(new Set(await scene.asksUntil(onlySoOften(100)))).toEqual(new Set([200]));
      expect(bad.requests).toBe(3);
    });
  });
}
