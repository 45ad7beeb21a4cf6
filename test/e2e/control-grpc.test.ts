import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as grpc from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { startControl } from "../../src/control/main.ts";
import { socketAddress } from "../../src/model/address.ts";
import type { Answer, Ask } from "../support/grpc-peer.ts";
import { EchoServer } from "../support/grpc-peer.ts";
import { PLANES, type Plane } from "../support/loopback-mesh.ts";
import { podsOfMesh } from "../support/mesh.ts";
import { describeWith } from "../support/tools.ts";

const CLIENT = "127.0.0.9";
const TIMEOUT_MS = 20_000;

/** One version of the service: pods whose port `main` is a real gRPC server's. */
function version(name: string, port: number): string {
  return `
apiVersion: v1
kind: Service
metadata: { name: calls-${name} }
spec:
  selector: { app: calls, version: ${name} }
  ports: [{ name: grpc, port: 7070, targetPort: main }]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: calls-${name} }
spec:
  selector: { matchLabels: { app: calls, version: ${name} } }
  template:
    metadata: { labels: { app: calls, version: ${name} } }
    spec:
      containers: [{ name: calls, image: calls, ports: [{ name: main, containerPort: ${port} }] }]
---
`;
}

/** Header cases as in the conformance suite's MeshGRPCRouteRequestHeaderModifier, and methods. */
const ROUTES = `
apiVersion: v1
kind: Service
metadata: { name: calls }
spec: { selector: { app: calls }, ports: [{ name: grpc, port: 7070, targetPort: main }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: calls }
spec:
  parentRefs: [{ group: "", kind: Service, name: calls, port: 7070 }]
  rules:
    - matches:
        - method: { service: echo.Echo, method: Unary }
          headers: [{ name: x-case, value: set }]
      filters:
        - type: RequestHeaderModifier
          requestHeaderModifier: { set: [{ name: x-set, value: set-overwrites }] }
      backendRefs: [{ name: calls-v1, port: 7070 }]
    - matches:
        - method: { service: echo.Echo, method: Unary }
          headers: [{ name: x-case, value: add }]
      filters:
        - type: RequestHeaderModifier
          requestHeaderModifier: { add: [{ name: x-add, value: added }] }
      backendRefs: [{ name: calls-v1, port: 7070 }]
    - matches:
        - method: { service: echo.Echo, method: Unary }
          headers: [{ name: x-case, value: remove }]
      filters:
        - type: RequestHeaderModifier
          requestHeaderModifier: { remove: [x-remove] }
      backendRefs: [{ name: calls-v1, port: 7070 }]
    - matches: [{ method: { service: echo.Echo, method: Unary } }]
      backendRefs: [{ name: calls-v1, port: 7070 }]
    - matches: [{ method: { service: echo.Echo } }]
      backendRefs: [{ name: calls-v2, port: 7070 }]
    - matches: [{ method: { method: Broken } }]
      backendRefs: [{ name: nobody, port: 7070 }]
`;

interface Outcome {
  readonly code: number;
  readonly from: string;
}

function call(
  client: grpc.Client,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  const encode = (ask: Ask): Buffer => Buffer.from(JSON.stringify(ask));
  const decode = (bytes: Buffer): Answer => JSON.parse(bytes.toString()) as Answer;
  const deadline = Date.now() + TIMEOUT_MS;
  return new Promise((resolve) => {
    const ask = { text: "hello" };
    client.makeUnaryRequest(path, encode, decode, ask, metadata, { deadline }, (error, answer) =>
      resolve({ code: error?.code ?? grpc.status.OK, from: answer?.from ?? "" }),
    );
  });
}

/** The control plane on one file, two real servers behind it, and one client's sidecar. */
async function startMesh(plane: Plane, undo: (() => unknown)[]): Promise<readonly EchoServer[]> {
  const servers = [await EchoServer.listen("v1"), await EchoServer.listen("v2")];
  for (const server of servers) undo.push(() => server.stop());
  const folder = mkdtempSync(join(tmpdir(), "outrigger-grpc-"));
  undo.push(() => rmSync(folder, { recursive: true }));
  const versions = servers.map((server) => version(server.name, server.port)).join("");
  writeFileSync(join(folder, "mesh.yaml"), `${versions}${ROUTES}`);
  const loopback = socketAddress("127.0.0.1", 0);
  const addresses = { adsAddress: loopback, httpAddress: loopback };
  const started = await startControl({ paths: [folder], ...addresses, watch: false });
  if (started.kind === "refused") throw new Error(JSON.stringify(started.diagnostics));
  const { control } = started;
  undo.push(() => control.stop());
  control.setPods(podsOfMesh(control.mesh).map((pod) => ({ ...pod, address: "127.0.0.1" })));
  const sidecar = await plane.start({
    pod: "client",
    namespace: "default",
    address: CLIENT,
    labels: { app: "client" },
    serviceAccount: "default",
    workload: "client",
    mode: "explicit",
    ads: control.adsAddress,
  });
  undo.push(() => sidecar.stop());
  return servers;
}

for (const plane of PLANES) {
  describeWith(plane.needs, `gRPC services of a mesh on ${plane.name}`, () => {
    const undo: (() => unknown)[] = [];
    let servers: readonly EchoServer[] = [];
    let client: grpc.Client;

    beforeAll(async () => {
      servers = await startMesh(plane, undo);
      client = new grpc.Client(`${CLIENT}:15001`, grpc.credentials.createInsecure(), {
        "grpc.default_authority": "calls:7070",
        "grpc.enable_http_proxy": 0,
        "grpc.service_config": JSON.stringify({
          methodConfig: [{ name: [{}], waitForReady: true }],
        }),
      });
      undo.push(() => client.close());
      await new Promise<void>((resolve, reject) => {
        client.waitForReady(Date.now() + TIMEOUT_MS, (error) =>
          error ? reject(error) : resolve(),
        );
      });
    }, TIMEOUT_MS);

    afterAll(async () => {
      for (const step of undo.reverse()) await step();
    });

    it.each([
      { path: "/echo.Echo/Unary", code: grpc.status.OK, from: "v1" },
      { path: "/echo.Echo/Bidi", code: grpc.status.OK, from: "v2" },
      { path: "/other.Echo/Broken", code: grpc.status.UNAVAILABLE, from: "" },
      { path: "/other.Echo/Nobody", code: grpc.status.UNIMPLEMENTED, from: "" },
    ])("sends $path where the GRPCRoute says: $from $code", async ({ path, code, from }) => {
      expect(await call(client, path)).toEqual({ code, from });
    });

    // CONNECT as interception is our own: a real Envoy is not an app's http_proxy for it.
    if (plane.needs.length === 0) {
      it("carries the calls of an app that has an http_proxy", async () => {
        vi.stubEnv("http_proxy", `http://${CLIENT}:15001`);
        const proxied = new grpc.Client("calls:7070", grpc.credentials.createInsecure());
        undo.push(() => proxied.close());
        const unary = await call(proxied, "/echo.Echo/Unary");
        expect(unary).toEqual({ code: grpc.status.OK, from: "v1" });
        vi.unstubAllEnvs();
      });
    }

    it("sets, adds and removes a call's headers", async () => {
      const sent = { "x-set": "mine", "x-add": "mine", "x-remove": "mine" };
      const seen: unknown[] = [];
      for (const name of ["set", "add", "remove"]) {
        await call(client, "/echo.Echo/Unary", { ...sent, "x-case": name });
        const { metadata = {} } = servers[0]?.seen.at(-1) ?? {};
        seen.push([metadata["x-set"], metadata["x-add"], metadata["x-remove"]]);
      }
      expect(seen).toEqual([
        ["set-overwrites", "mine", "mine"],
        ["mine", "mine, added", "mine"],
        ["mine", "mine", undefined],
      ]);
    });
  });
}
