import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HeaderTable } from "../../../codec/http/header-table.ts";
import type { HeaderMatch, PathMatch, RouteMatch } from "../../../model/route.ts";
import type { CompiledRoute } from "../compiled-route.ts";
import { RequestHead } from "../request-head.ts";
import { RouteMatcher } from "../route-matcher.ts";
import { literalPrefix } from "./literal-prefix.ts";
import { RouteIndex } from "./route-index.ts";

describe("what a regular expression begins with", () => {
  it.each([
    ["/items/42", "/items/42"],
    ["/items/[0-9]+", "/items/"],
    ["/items/.*", "/items/"],
    ["/v1\\.0/.*", "/v1.0/"],
    ["^/a", "/a"],
    ["/ab*", "/a"],
    ["/ab?c", "/a"],
    ["/ab{0,2}", "/a"],
    ["/ab+c", "/ab"],
    ["/a|/b", ""],
    ["/a(b|c)", ""],
    ["(?i)/a", ""],
    ["\\d/a", ""],
    ["/a\\d", "/a"],
    ["/é*", "/"],
    ["/a$", "/a"],
    ["", ""],
  ])("of %s is %s", (pattern, literal) => {
    expect(literalPrefix(pattern)).toBe(literal);
  });
});

const PATH_TEXTS = ["/", "/a", "/A", "/a/", "/ab", "/ab/c", "/b", "", "/a/b/c", "/abc"];
const REGEXES = [
  "/a.*",
  "/ab?",
  "/a(/.*)?",
  ".*",
  "/[ab]/?",
  "/A",
  "/a|/b",
  "/ab+",
  "/a\\.b",
  "/a/",
];
const VALUES = ["", "x", "X", "y"];

const aPath: fc.Arbitrary<PathMatch> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("prefix", "exact", "separatedPrefix"),
    value: fc.constantFrom(...PATH_TEXTS),
    caseSensitive: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant("regex"),
    value: fc.constantFrom(...REGEXES),
    caseSensitive: fc.boolean(),
  }),
  fc.constant({ kind: "connect", value: "", caseSensitive: true }),
);

const aHeader: fc.Arbitrary<HeaderMatch> = fc.record({
  name: fc.constantFrom("x-one", "x-two", ":method"),
  value: fc.option(
    fc.record({
      kind: fc.constantFrom("exact", "prefix"),
      value: fc.constantFrom(...VALUES, "GET", "CONNECT"),
      ignoreCase: fc.boolean(),
    }),
    { nil: undefined },
  ),
  invert: fc.boolean(),
  missingAsEmpty: fc.boolean(),
});

const aRequest = fc.record({
  method: fc.constantFrom("GET", "OPTIONS", "CONNECT"),
  path: fc.oneof(
    fc.constantFrom("", "*", ...PATH_TEXTS, "/a?b", "/A/b", "/a/b?c=/ab", "/a.b", "/aB", "/ab/c/d"),
    fc.string({ unit: fc.constantFrom("/", "a", "b", "A", "?", "c"), maxLength: 6 }),
  ),
  headers: fc.array(fc.tuple(fc.constantFrom("x-one", "x-two"), fc.constantFrom(...VALUES)), {
    maxLength: 3,
  }),
});

/** Further conditions are none of the index's business. */
function matchOf(path: PathMatch, headers: readonly HeaderMatch[]): RouteMatch {
  return { path, headers, queryParameters: [] };
}

function requestOf({
  method,
  path,
  headers,
}: typeof aRequest extends fc.Arbitrary<infer T> ? T : never) {
  const table = new HeaderTable();
  for (const [name, value] of headers) table.addName(name, value);
  const request = new RequestHead(table);
  request.method = method;
  request.setPath(path);
  return request;
}

describe("an index of routes", () => {
  it("finds the route that asking them in order finds", () => {
    const aMatch = fc.tuple(aPath, fc.array(aHeader, { maxLength: 2 }));
    const routes = fc.array(aMatch, { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(routes, fc.array(aRequest, { minLength: 1, maxLength: 20 }), (all, requests) => {
        const matches = all.map(([path, headers]) => matchOf(path, headers));
        const compiled = matches.map(
          (match, position) =>
            ({ name: String(position), matcher: new RouteMatcher(match) }) as CompiledRoute,
        );
        const index = new RouteIndex(compiled, matches);
        for (const one of requests) {
          const request = requestOf(one);
          const wanted = compiled.find(({ matcher }) => matcher.matches(request));
          expect(index.find(request)?.name).toBe(wanted?.name);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("asks few of many", () => {
    let asked = 0;
    const matches = Array.from({ length: 1000 }, (_, position) => {
      const value = `/items/${String(position).padStart(4, "0")}/`;
      return matchOf({ kind: "prefix", value, caseSensitive: true }, []);
    });
    const compiled = matches.map((match, position) => {
      const matcher = new RouteMatcher(match);
      const counting = {
        matches: (request: RequestHead) => ++asked > 0 && matcher.matches(request),
      };
      return { name: String(position), matcher: counting } as unknown as CompiledRoute;
    });
    const index = new RouteIndex(compiled, matches);
    const request = requestOf({ method: "GET", path: "/items/0999/x", headers: [] });
    expect(index.find(request)?.name).toBe("999");
    expect(asked).toBe(1);
  });
});
