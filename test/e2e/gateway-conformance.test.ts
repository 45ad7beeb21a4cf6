import { once } from "node:events";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startControl } from "../../src/control/main.ts";
import { type SocketAddress, socketAddress } from "../../src/model/address.ts";
import type { Pod } from "../../src/model/mesh.ts";
import { standIn } from "../../src/up/pods/stand-in.ts";
import {
  type ConformanceResult,
  type ConformanceTest,
  runConformance,
} from "../support/conformance.ts";
import { corpusFolder } from "../support/corpus.ts";
import { startEnvoySidecar } from "../support/envoy-sidecar.ts";
import { meshTests } from "../support/gateway-suite.ts";
import { podsOfMesh } from "../support/mesh.ts";
import { startProxySidecar } from "../support/proxy-sidecar.ts";
import { runUp } from "../support/running-up.ts";
import { describeWith } from "../support/tools.ts";

const CLIENT = fileURLToPath(new URL("../support/conformance-client.ts", import.meta.url));
const NAMESPACE = "gateway-conformance-mesh";
const CLIENT_ADDRESS = "127.0.0.9";
const TIMEOUT_MS = 180_000;

const root = corpusFolder("gateway-api");
const tests = root === undefined ? [] : meshTests(root);

/** Each in a folder of its own, so that each test's manifests come and go under the watch. */
function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "outrigger-conformance-"));
  if (root !== undefined)
    copyFileSync(join(root, "mesh/manifests.yaml"), join(folder, "mesh.yaml"));
  return folder;
}

function itHolds(results: () => readonly ConformanceResult[], said: () => string): void {
  describe.each(tests)("$name", ({ name, cases, weights }: ConformanceTest) => {
    const numbers = weights === undefined ? cases.map((_, index) => index) : [0];
    it.each(numbers)("holds in case %i", (index) => {
      const result = results().find((each) => each.test === name && each.index === index);
      expect(result, said()).toBeDefined();
      expect(result?.reasons, JSON.stringify(cases[index])).toEqual([]);
    });
  });
}

/** The pods' apps, on loopback addresses, without sidecars of their own. */
async function serve(pod: Pod, ports: readonly number[]): Promise<() => void> {
  const identity = {
    service: pod.labels.app ?? "",
    pod: pod.name,
    namespace: pod.namespace,
    version: pod.labels.version ?? "",
    container: "echo",
  };
  const servers = ports.map((port) => standIn(identity).listen(port, pod.address));
  await Promise.all(servers.map((server) => once(server, "listening")));
  return () => {
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
  };
}

type StartClient = (ads: SocketAddress) => Promise<{ log(): string; stop(): Promise<void> }>;

function sidecar(ads: SocketAddress) {
  const identity = { pod: "client", workload: "client", serviceAccount: "default" };
  const where = { namespace: NAMESPACE, address: CLIENT_ADDRESS, mode: "explicit" } as const;
  return { ...identity, ...where, labels: { app: "client" }, ads };
}

async function conform(start: StartClient): Promise<readonly ConformanceResult[]> {
  const folder = newFolder();
  const undo: (() => unknown)[] = [() => rmSync(folder, { recursive: true })];
  try {
    const loopback = socketAddress("127.0.0.1", 0);
    const addresses = { adsAddress: loopback, httpAddress: loopback };
    const started = await startControl({ paths: [folder], ...addresses });
    if (started.kind === "refused") throw new Error(JSON.stringify(started.diagnostics));
    const { control } = started;
    undo.push(() => control.stop());
    const pods = podsOfMesh(control.mesh).map((pod, index) => ({
      ...pod,
      name: `${pod.workload}-aaaa-bbbb`,
      address: `127.0.44.${index + 2}`,
    }));
    for (const pod of pods) undo.push(await serve(pod, [8080, 8443]));
    control.setPods(pods);
    const client = await start(control.adsAddress);
    undo.push(() => client.stop());
    const results: ConformanceResult[] = [];
    const door = { proxy: { host: CLIENT_ADDRESS, port: 15001 } };
    for (const test of tests) results.push(...(await runConformance(test, folder, door)));
    return results;
  } finally {
    for (const step of undo.reverse()) await step();
  }
}

const planes: readonly { plane: string; needs: readonly "envoy"[]; start: StartClient }[] = [
  { plane: "our data plane", needs: [], start: async (ads) => startProxySidecar(sidecar(ads)) },
  { plane: "a real Envoy", needs: ["envoy"], start: (ads) => startEnvoySidecar(sidecar(ads)) },
];

for (const { plane, needs, start } of planes) {
  describeWith(needs, `the Gateway API's mesh conformance on ${plane}`, () => {
    let results: readonly ConformanceResult[] = [];
    beforeAll(async () => {
      if (tests.length > 0) results = await conform(start);
    }, TIMEOUT_MS);
    itHolds(
      () => results,
      () => "",
    );
  });
}

describeWith(["root", "ip", "iptables"], "the Gateway API's mesh conformance under up", () => {
  let folder = "";
  let results: readonly ConformanceResult[] = [];
  let said = "";

  beforeAll(async () => {
    if (tests.length === 0) return;
    folder = newFolder();
    const plan = join(folder, "plan.conf");
    writeFileSync(plan, JSON.stringify({ folder, tests }));
    const command = ["--as", `${NAMESPACE}/default`, "--", process.execPath, CLIENT, plan];
    const done = await runUp([folder, ...command], TIMEOUT_MS);
    said = done.stderr;
    results = done.stdout === "" ? [] : (JSON.parse(done.stdout) as ConformanceResult[]);
  }, TIMEOUT_MS + 10_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  itHolds(
    () => results,
    () => said,
  );
});
