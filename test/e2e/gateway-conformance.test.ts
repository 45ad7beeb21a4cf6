import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type ConformanceResult,
  type ConformanceTest,
  runConformance,
} from "../support/conformance.ts";
import { corpusFolder } from "../support/corpus.ts";
import { meshTests } from "../support/gateway-suite.ts";
import { PLANES, type Plane, startLoopbackMesh } from "../support/loopback-mesh.ts";
import { runUp } from "../support/running-up.ts";
import { describeWith } from "../support/tools.ts";

const CLIENT = fileURLToPath(new URL("../support/conformance-client.ts", import.meta.url));
const NAMESPACE = "gateway-conformance-mesh";
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
  it.skipIf(root === undefined)("has cases (missing: the corpus)", () => {
    expect(tests.length).toBeGreaterThan(0);
  });
  describe.each(tests)("$name", ({ name, cases, weights }: ConformanceTest) => {
    const numbers = weights === undefined ? cases.map((_, index) => index) : [0];
    it.each(numbers)("holds in case %i", (index) => {
      const result = results().find((each) => each.test === name && each.index === index);
      expect(result, said()).toBeDefined();
      expect(result?.reasons, JSON.stringify(cases[index])).toEqual([]);
    });
  });
}

async function conform(plane: Plane): Promise<readonly ConformanceResult[]> {
  const folder = newFolder();
  const mesh = await startLoopbackMesh(plane, [folder], NAMESPACE);
  try {
    const results: ConformanceResult[] = [];
    for (const test of tests) results.push(...(await runConformance(test, folder, mesh)));
    return results;
  } finally {
    await mesh.stop();
    rmSync(folder, { recursive: true });
  }
}

for (const plane of PLANES) {
  describeWith(plane.needs, `the Gateway API's mesh conformance on ${plane.name}`, () => {
    let results: readonly ConformanceResult[] = [];
    beforeAll(async () => {
      if (tests.length > 0) results = await conform(plane);
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
