import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { corpusFolder, filesBelow } from "../../../test/support/corpus.ts";
import { readmeRow } from "../../../test/support/field-readme.ts";
import { goldenCases, showGolden } from "../../../test/support/golden.ts";
import { formatDiagnostic } from "../../base/diagnostic.ts";
import { DEFAULT_SETTINGS } from "../../model/mesh.ts";
import { readObjects, type SourceFile } from "../kubernetes/read.ts";
import { isKubernetesObject, translateKubernetes } from "../kubernetes/translate.ts";
import { BACKEND_TABLES } from "./backend.ts";
import { FILTER_TABLES } from "./filter/filter.ts";
import { gatewayApi } from "./gateway-api.ts";
import { GRPC_MATCH_TABLES } from "./grpc-match.ts";
import { GRPC_ROUTE_TABLES } from "./grpc-route.ts";
import { HTTP_ROUTE_TABLES } from "./http-route.ts";
import { MATCH_TABLES } from "./match.ts";
import { PARENT_TABLES } from "./parent.ts";
import { redirectAction } from "./redirect.ts";
import { pathRewrite } from "./rewrite.ts";
import { RULE_TABLES } from "./rule.ts";

const HERE = import.meta.dirname;

function translate(files: readonly SourceFile[]) {
  const { objects, diagnostics } = readObjects(files);
  const { services } = translateKubernetes(objects.filter(isKubernetesObject), DEFAULT_SETTINGS);
  const own = objects.filter((object) => gatewayApi.speaks(object));
  const translation = gatewayApi.translate(own, { settings: DEFAULT_SETTINGS, services });
  return { ...translation, diagnostics: [...diagnostics, ...translation.diagnostics] };
}

describe("Gateway API", () => {
  it.each(goldenCases(`${HERE}/testdata`))("translates $name", async ({ file, text, golden }) => {
    await expect(showGolden(translate([{ file, text }]))).toMatchFileSnapshot(golden);
  });

  it("says in its README what becomes of every field", () => {
    const readme = readFileSync(`${HERE}/README.md`, "utf8").replaceAll(/ +/g, " ");
    const tables = {
      ...HTTP_ROUTE_TABLES,
      ...GRPC_ROUTE_TABLES,
      ...GRPC_MATCH_TABLES,
      ...PARENT_TABLES,
      ...RULE_TABLES,
      ...MATCH_TABLES,
      ...FILTER_TABLES,
      ...BACKEND_TABLES,
    };
    for (const [name, table] of Object.entries(tables)) {
      expect(readme).toContain(readmeRow(name, table));
    }
  });
});

/** What Envoy makes of a path: the prefix swapped, or every match of the expression. */
function rewritten(path: string, prefix: string, replacement: string): string {
  const bare = prefix.replace(/\/$/, "") || "/";
  const kind = bare === "/" ? "prefix" : "separatedPrefix";
  const match = { kind, value: bare, caseSensitive: true } as const;
  const { prefixRewrite, regexRewrite } = pathRewrite(
    { kind: "prefix", value: replacement },
    match,
  );
  if (regexRewrite === undefined) return `${prefixRewrite}${path.slice(bare.length)}`;
  return path.replace(new RegExp(regexRewrite.pattern, "g"), regexRewrite.substitution);
}

describe("replacing a prefix", () => {
  it.each([
    ["/foo/bar", "/foo", "/xyz", "/xyz/bar"],
    ["/foo/bar", "/foo", "/xyz/", "/xyz/bar"],
    ["/foo/bar", "/foo/", "/xyz", "/xyz/bar"],
    ["/foo/bar", "/foo/", "/xyz/", "/xyz/bar"],
    ["/foo", "/foo", "/xyz", "/xyz"],
    ["/foo/", "/foo", "/xyz", "/xyz/"],
    ["/foo/bar", "/foo", "", "/bar"],
    ["/foo/", "/foo", "", "/"],
    ["/foo", "/foo", "", "/"],
    ["/foo/", "/foo", "/", "/"],
    ["/foo", "/foo", "/", "/"],
    ["/a.b(c)/d", "/a.b(c)", "/", "/d"],
    ["/bar", "/", "/xyz", "/xyz/bar"],
    ["/bar", "/", "/", "/bar"],
  ])("makes %s with %s replaced by '%s' %s", (path, prefix, replacement, result) => {
    expect(rewritten(path, prefix, replacement)).toBe(result);
  });
});

describe("the port of a redirect", () => {
  const none = { scheme: undefined, hostname: undefined, path: undefined, port: undefined };
  const path = { kind: "prefix", value: "/", caseSensitive: true } as const;
  it.each([
    { name: "nothing said", given: {}, from: 80, port: undefined },
    { name: "nothing said, from another port", given: {}, from: 8080, port: undefined },
    { name: "another host keeps the port", given: { hostname: "a" }, from: 8080, port: 8080 },
    { name: "another host on port 80", given: { hostname: "a" }, from: 80, port: undefined },
    { name: "https from port 80", given: { scheme: "https" }, from: 80, port: undefined },
    { name: "https from another port", given: { scheme: "https" }, from: 8080, port: 443 },
    {
      name: "https at another host",
      given: { scheme: "https", hostname: "a" },
      from: 8080,
      port: undefined,
    },
    { name: "a port", given: { port: 8083 }, from: 80, port: 8083 },
    {
      name: "a port that https implies",
      given: { scheme: "https", port: 443 },
      from: 80,
      port: undefined,
    },
    { name: "the port that it came from", given: { port: 8080 }, from: 8080, port: undefined },
  ] as const)("$name: $port", ({ given, from, port }) => {
    expect(redirectAction({ ...none, status: 302, ...given }, path, from).port).toBe(port);
  });
});

const corpus = corpusFolder("gateway-api");

describe.skipIf(corpus === undefined)("the Gateway API's own data", () => {
  const below = (folder: string) =>
    corpus === undefined ? [] : filesBelow(`${corpus}/${folder}`, /\.yaml$/);

  it.each([...below("invalid/standard/httproute"), ...below("invalid/experimental/httproute")])(
    "refuses $file",
    (file) => {
      const errors = translate([file]).diagnostics.filter(({ severity }) => severity === "error");
      expect(errors.map(formatDiagnostic)).not.toEqual([]);
    },
  );

  it("attaches every route of the mesh tests without a word", () => {
    const files = [...below("mesh"), ...below("tests/mesh")];
    expect(files.length).toBeGreaterThan(1);
    for (const file of below("tests/mesh")) {
      const { routes, diagnostics } = translate([...below("mesh"), file]);
      expect(diagnostics.map(formatDiagnostic)).toEqual([]);
      expect(routes.length, file.file).toBeGreaterThan(0);
    }
  });
});
