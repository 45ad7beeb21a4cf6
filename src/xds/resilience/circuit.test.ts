import { fromJson, type JsonValue, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cluster } from "../../../test/support/arbitrary-resources.ts";
import { routeConfiguration } from "../../../test/support/arbitrary-routes.ts";
import { ClusterSchema } from "../../gen/envoy/config/cluster/v3/cluster_pb.js";
import { RouteConfigurationSchema } from "../../gen/envoy/config/route/v3/route_pb.js";
import { CIRCUIT_DEFAULTS } from "../../model/resilience/circuit-bounds.ts";
import { formatProblem } from "../check/place.ts";
import { CODECS, decodeResource } from "../resource.ts";

const PLACE = "metadata.filter_metadata.outrigger.circuit";

function decoded(circuit: JsonValue) {
  const json = {
    name: "outbound|80||ratings",
    type: "STATIC",
    metadata: { filterMetadata: { "outrigger.circuit": circuit } },
  };
  return decodeResource("cluster", toBinary(ClusterSchema, fromJson(ClusterSchema, json)));
}

function problemsOf(circuit: JsonValue): readonly string[] {
  return decoded(circuit).problems.map(formatProblem);
}

describe("a circuit in a cluster's metadata", () => {
  it("is Hystrix's where only its name is said", () => {
    expect(decoded({ name: "default/ratings" }).model?.circuit).toEqual({
      name: "default/ratings",
      ...CIRCUIT_DEFAULTS,
    });
  });

  it("says every mistake at once, each with place, what was found and what is allowed", () => {
    const circuit = {
      window: { durationMs: 1000, buckets: 3 },
      open: { kind: "errorPercentage", requestVolume: 0, errorPercentage: 120 },
      errors: { statuses: [{ start: 500, end: 500 }], grpc: [17], slowerThan: 3 },
      sleepMs: "5s",
      scope: "Mesh",
      fallback: { kind: "lastGood", maxAgeMs: 1.5, maxBytes: 1 },
      explain: true,
    };
    expect(problemsOf(circuit)).toEqual([
      `${PLACE}.name: is missing`,
      `${PLACE}.window.buckets: do not divide the window (found 3; allowed a part of 1000)`,
      `${PLACE}.open.requestVolume: is out of range (found 0; ` +
        "allowed a whole number from 1 to 1000000)",
      `${PLACE}.open.errorPercentage: is out of range (found 120; ` +
        "allowed a whole number from 1 to 100)",
      `${PLACE}.errors.statuses[0].end: is not above the start (found 500; allowed above 500)`,
      `${PLACE}.errors.grpc[0]: is out of range (found 17; allowed a whole number from 1 to 16)`,
      `${PLACE}.errors.slowerThan: is unknown (found "slowerThan"; ` +
        "allowed slowerThanMs, perhaps)",
      `${PLACE}.sleepMs: is out of range (found "5s"; allowed a whole number from 1 to 86400000)`,
      `${PLACE}.scope: is no such word (found "Mesh"; allowed caller, mesh)`,
      `${PLACE}.fallback.maxAgeMs: is out of range (found 1.5; ` +
        "allowed a whole number from 1 to 86400000)",
      `${PLACE}.explain: is unknown (found "explain"; allowed explains, perhaps)`,
    ]);
  });

  it.each([
    ["content-length", "ok", /headers\[0\].name: is not the answer's to say/],
    ["Transfer-Encoding", "ok", /headers\[0\].name: is not the answer's to say/],
    ["x-outrigger-circuit", "ok", /headers\[0\].name: is Outrigger's own/],
    ["x y", "ok", /headers\[0\].name: is no header name/],
    [":status", "200", /headers\[0\].name: is no header name/],
    ["x-a", "a\r\nb: c", /headers\[0\].value: is no value that may be sent/],
    // As Latin-1 these would be CR and LF.
    ["x-a", "a\u010d\u010ab: c", /headers\[0\].value: is no value that may be sent/],
  ])("answers with no header %s: %j", (name, value, problem) => {
    const fallback = { kind: "static", status: 200, headers: [{ name, value }] };
    const [first, ...others] = problemsOf({ name: "default/ratings", fallback });
    expect(first).toMatch(problem);
    expect(others).toEqual([]);
  });

  it.each(["a b", "a\r\nx-b: c", "ä"])("has no name that would break a header: %j", (name) => {
    expect(problemsOf({ name })).toEqual([
      `${PLACE}.name: is no name (found ${JSON.stringify(name)}; ` +
        "allowed printable ASCII without spaces)",
    ]);
  });

  it("is refused with a body above 64 KiB", () => {
    const fallback = { kind: "static", status: 200, body: "x".repeat(65_537) };
    expect(problemsOf({ name: "a/b", fallback })).toEqual([
      `${PLACE}.fallback.body: is no such text (found "65537 bytes"; ` +
        "allowed text of at most 65536 bytes)",
    ]);
  });

  it.each([
    [
      { name: "a/b", fallback: [] },
      `${PLACE}.fallback: is no mapping (found []; allowed a mapping)`,
    ],
    [
      { name: "a/b", open: { kind: "always" } },
      `${PLACE}.open.kind: is no such word (found "always"; ` +
        "allowed errorPercentage, consecutiveErrors)",
    ],
  ])("is refused as %j", (circuit, problem) => {
    expect(problemsOf(circuit)[0]).toBe(problem);
  });
});

describe("a circuit in a route's metadata", () => {
  it("is refused where the route calls nobody", () => {
    const json = {
      name: "8080",
      virtualHosts: [
        {
          name: "all",
          domains: ["*"],
          routes: [
            {
              match: { prefix: "/" },
              directResponse: { status: 200 },
              metadata: { filterMetadata: { "outrigger.circuit": { name: "a/b" } } },
            },
          ],
        },
      ],
    };
    const message = fromJson(RouteConfigurationSchema, json);
    const { problems } = decodeResource("route", toBinary(RouteConfigurationSchema, message));
    expect(problems.map(formatProblem)).toEqual([
      `virtual_hosts[0].routes[0].${PLACE}: is for routes that forward ` +
        '(found "directResponse"; allowed route)',
    ]);
  });
});

describe("a real Envoy", () => {
  it.each([
    { type: "cluster" as const, some: cluster },
    { type: "route" as const, some: routeConfiguration },
  ])("hears of no circuit in a $type", ({ type, some }) => {
    const codec = CODECS[type];
    fc.assert(
      fc.property(some as fc.Arbitrary<never>, (model) => {
        const bytes = Buffer.from(codec.encode(model, "envoy"));
        expect(bytes.includes("outrigger.circuit")).toBe(false);
      }),
      { numRuns: 100 },
    );
  });
});
