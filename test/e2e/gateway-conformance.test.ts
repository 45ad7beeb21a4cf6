import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type {
  ConformanceCase,
  ConformanceResult,
  ConformanceTest,
} from "../support/conformance-client.ts";
import { corpusFolder } from "../support/corpus.ts";
import { runUp } from "../support/running-up.ts";
import { describeWith } from "../support/tools.ts";

const CLIENT = fileURLToPath(new URL("../support/conformance-client.ts", import.meta.url));
const NAMESPACE = "gateway-conformance-mesh";
const TIMEOUT_MS = 180_000;

/** What the suite calls the features that are executed here. */
const EXECUTED: ReadonlySet<string> = new Set([
  "Mesh",
  "HTTPRoute",
  "MeshClusterIPMatching",
  "MeshHTTPRouteBackendRequestHeaderModification",
  "MeshHTTPRouteNamedRouteRule",
  "MeshHTTPRouteQueryParamMatching",
  "MeshHTTPRouteRedirectPath",
  "MeshHTTPRouteRedirectPort",
  "MeshHTTPRouteRewritePath",
  "MeshHTTPRouteSchemeRedirect",
  "HTTPRoute303RedirectStatusCode",
  "HTTPRoute307RedirectStatusCode",
  "HTTPRoute308RedirectStatusCode",
  "HTTPRouteParentRefPort",
  "HTTPRouteResponseHeaderModification",
]);

interface SuiteTest {
  readonly file: string;
  readonly shortName: string;
  readonly features: readonly string[];
  readonly manifests: readonly string[];
  readonly cases: readonly { readonly literal: boolean; readonly case: SuiteCase }[];
}

type SuiteCase = ConformanceCase & { readonly Namespace?: string };

/** The corpus has the requests inside expectations once more, as cases of their own. */
function isCase({ Backend, Response, RedirectRequest, Namespace }: SuiteCase): boolean {
  return [Backend, Response, RedirectRequest, Namespace].some((each) => each !== undefined);
}

/** Split by weight is asserted in code there, so it is no table in the corpus. */
const WEIGHTS: ConformanceTest = {
  name: "MeshHTTPRouteWeight",
  manifests: ["tests/mesh/httproute-weight.yaml"],
  cases: [],
  weights: { "echo-v1": 0.7, "echo-v2": 0.3 },
};

function meshTests(root: string): ConformanceTest[] {
  const text = readFileSync(join(root, "cases.json"), "utf8");
  const { tests } = JSON.parse(text) as { tests: readonly SuiteTest[] };
  const mesh = tests.filter(({ file }) => file.startsWith("tests/mesh/")).flatMap(executable);
  return [...mesh, WEIGHTS].map((test) => ({
    ...test,
    manifests: test.manifests.map((manifest) => join(root, manifest)),
  }));
}

function executable(test: SuiteTest): ConformanceTest[] {
  const unknown = test.features.filter((feature) => !EXECUTED.has(feature));
  if (unknown.length > 0) {
    console.warn(`NOT RUN: ${test.shortName}: ${unknown.join(", ")} is not executed`);
    return [];
  }
  const cases = test.cases.filter((each) => isCase(each.case));
  for (const { literal, case: each } of cases) {
    if (!literal) console.warn(`${test.shortName}: not a literal: ${JSON.stringify(each)}`);
  }
  const literal = cases.filter((each) => !JSON.stringify(each.case).includes('"$go"'));
  const { shortName: name, manifests } = test;
  return [{ name, manifests, cases: literal.map((each) => each.case) }];
}

const root = corpusFolder("gateway-api");

describeWith(
  root === undefined ? ["root", "ip"] : ["root", "ip", "iptables"],
  "Gateway API",
  () => {
    if (root === undefined) {
      it.skip("conforms in mesh mode (the corpus is absent)", () => {});
      return;
    }
    const tests = meshTests(root);
    let folder = "";
    let results: readonly ConformanceResult[] = [];
    let said = "";

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "outrigger-conformance-"));
      const plan = join(folder, "plan.conf");
      writeFileSync(plan, JSON.stringify({ folder, tests }));
      const manifests = join(root, "mesh/manifests.yaml");
      const command = [process.execPath, CLIENT, plan];
      const as = ["--as", `${NAMESPACE}/default`];
      const done = await runUp([manifests, folder, ...as, "--", ...command], TIMEOUT_MS);
      said = done.stderr;
      results = done.stdout === "" ? [] : (JSON.parse(done.stdout) as ConformanceResult[]);
    }, TIMEOUT_MS + 10_000);

    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    describe.each(tests)("$name", ({ name, cases, weights }) => {
      const numbers = weights === undefined ? cases.map((_, index) => index) : [0];
      it.each(numbers)("holds in case %i", (index) => {
        const result = results.find((each) => each.test === name && each.index === index);
        expect(result, said).toBeDefined();
        expect(result?.reasons, JSON.stringify(cases[index])).toEqual([]);
      });
    });
  },
);
