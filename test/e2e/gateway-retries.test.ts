/**
 * The Gateway API's own manifests of retries and timeouts, attached to a Service instead of a
 * Gateway. Its suite computes these calls while it runs, so they are written here.
 */
import { rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { afterAll, expect, it } from "vitest";
import type { Pod } from "../../src/model/mesh.ts";
import { ask } from "../support/ask.ts";
import { corpusFolder, filesBelow } from "../support/corpus.ts";
import { PLANES, type Plane, startLoopbackMesh } from "../support/loopback-mesh.ts";
import { running } from "../support/one-hop.ts";
import { folderOf } from "../support/outrigger.ts";
import { describeWith } from "../support/tools.ts";

const NAMESPACE = "gateway-conformance-infra";
const PORT = 3000;
const BACKENDS = ["infra-backend-v1", "infra-backend-v3"];

const BACKEND = (name: string): string => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${NAMESPACE} }
spec:
  selector: { app: ${name} }
  ports: [{ name: http, port: 8080, targetPort: ${PORT} }]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: ${NAMESPACE} }
spec:
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec: { containers: [{ name: echo, image: echo, ports: [{ containerPort: ${PORT} }] }] }
`;

/** Calls that fail one after the other would use up the budget that holds where nobody says. */
const BUDGET = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: patient, namespace: ${NAMESPACE} }
spec:
  host: infra-backend-v3
  trafficPolicy: { retryBudget: { percent: 100, minRetryConcurrency: 10 } }
`;

const corpus = corpusFolder("gateway-api");
const manifests =
  corpus === undefined
    ? []
    : filesBelow(`${corpus}/tests`, /httproute-(retry|timeout)[a-z-]*\.yaml$/).map(({ text }) => {
        const backend = /name: (infra-backend-v\d)/.exec(text)?.[1] ?? "";
        const parent = `{ group: "", kind: Service, name: ${backend}, port: 8080 }`;
        return text.replace(/parentRefs:\n +- name: same-namespace/, `parentRefs: [${parent}]`);
      });
const folder = folderOf({
  "all.yaml": [...BACKENDS.map(BACKEND), BUDGET, ...manifests].join("\n---\n"),
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the backends do, by the query of a call. */
class Backends {
  readonly #seen = new Map<string, number>();
  readonly #held: ServerResponse[] = [];

  /** Requests of one call. */
  seen(call: string): number {
    return this.#seen.get(call) ?? 0;
  }

  get held(): number {
    return this.#held.length;
  }

  release(): void {
    for (const response of this.#held.splice(0)) response.end();
  }

  readonly answer = (request: IncomingMessage, response: ServerResponse): void => {
    const query = new URL(request.url ?? "/", "http://backend").searchParams;
    const call = query.get("call") ?? "";
    const seen = this.seen(call) + 1;
    this.#seen.set(call, seen);
    if (query.has("held")) this.#held.push(response);
    else if (seen > Number(query.get("bad") ?? 0)) response.end();
    else if (query.has("reset")) request.socket.resetAndDestroy();
    else response.writeHead(Number(query.get("code"))).end();
  };
}

async function scene(plane: Plane) {
  const backends = new Backends();
  const serve = async ({ address }: Pod): Promise<() => void> => {
    const server = createServer(backends.answer);
    await new Promise<void>((resolve) => {
      server.listen(PORT, address, resolve);
    });
    return () => {
      server.closeAllConnections();
      server.close();
    };
  };
  const mesh = await startLoopbackMesh(plane, [folder], NAMESPACE, serve);
  running.unshift(mesh);
  const { host, port } = mesh.proxy;
  let calls = 0;
  const statusOf = async (backend: string, path: string): Promise<readonly [number, number]> => {
    const call = `call-${calls++}`;
    const separator = path.includes("?") ? "&" : "?";
    const url = `http://${backend}:8080${path}${separator}call=${call}`;
    const { status } = await ask({ kind: "socket", host, port }, url);
    return [status, backends.seen(call)];
  };
  return { backends, statusOf };
}

for (const plane of PLANES) {
  describeWith(plane.needs, `the Gateway API's retries and timeouts on ${plane.name}`, () => {
    it.skipIf(corpus === undefined)("retry codes and broken connections as they say", async () => {
      const { statusOf } = await scene(plane);
      const retried = (path: string) => statusOf("infra-backend-v3", `/retry/${path}`);
      expect(await retried("code-500-attempts-3?bad=3&code=500")).toEqual([200, 4]);
      expect(await retried("code-500-attempts-3?bad=4&code=500")).toEqual([500, 4]);
      expect(await retried("code-500-attempts-3?bad=1&code=503")).toEqual([503, 1]);
      for (const code of [500, 502, 503, 504]) {
        expect(await retried(`code-all-attempts-2?bad=2&code=${code}`)).toEqual([200, 3]);
        expect(await retried(`code-all-attempts-2?bad=3&code=${code}`)).toEqual([code, 3]);
      }
      expect(await retried("no-status-code-attempts-3?bad=3&reset")).toEqual([200, 4]);
      expect(await retried("no-status-code-attempts-3?bad=1&code=500")).toEqual([500, 1]);
    });

    it.skipIf(corpus === undefined)(
      "bound requests, and leave those alone that say 0",
      async () => {
        const { backends, statusOf } = await scene(plane);
        const timed = (path: string) => statusOf("infra-backend-v1", path);
        for (const kind of ["backend", "request"]) {
          expect(await timed(`/${kind}-timeout?held`)).toEqual([504, 1]);
          const before = backends.held;
          const patient = timed(`/disable-${kind}-timeout?held`);
          expect(await timed(`/${kind}-timeout?held`)).toEqual([504, 1]);
          expect(backends.held).toBe(before + 2);
          backends.release();
          expect(await patient).toEqual([200, 1]);
        }
      },
    );
  });
}
