import { describe, expect, it } from "vitest";
import { formatDiagnostic } from "../../base/diagnostic.ts";
import type { HttpRouteSet, HttpRule, ScopedMatch } from "../http-route-set.ts";
import type { Service } from "../mesh.ts";
import { NO_MUTATIONS, type PathMatch } from "../route.ts";
import { routeLosers, routeSetsFor } from "./route.ts";

const HOST = "reviews.shop.svc.cluster.local";
const TARGET = { host: HOST, namespace: "shop" };

const KIND = {
  istio: "VirtualService",
  linkerd: "ServiceProfile",
  "gateway-api": "HTTPRoute",
  smi: "TrafficSplit",
} as const;

function set(
  dialect: HttpRouteSet["dialect"],
  name: string,
  over: Partial<HttpRouteSet> = {},
): HttpRouteSet {
  const namespace = over.namespace ?? "shop";
  return {
    dialect,
    hosts: [HOST],
    ports: undefined,
    namespace,
    name,
    exportTo: ["*"],
    consumer: false,
    rules: [rule(name)],
    unmatched: dialect === "gateway-api" ? "notFound" : "service",
    creationTimestamp: "",
    origin: {
      position: { file: `${name}.yaml`, line: 1, column: 1 },
      kind: KIND[dialect],
      namespace,
      name,
      path: "",
    },
    ...over,
  };
}

const ORIGIN = {
  position: { file: "rules.yaml", line: 1, column: 1 },
  kind: "HTTPRoute",
  namespace: "shop",
  name: "rules",
  path: "spec.rules[0]",
};

function match(
  kind: PathMatch["kind"],
  value: string,
  headers: readonly string[] = [],
  parameters: readonly string[] = [],
): ScopedMatch {
  return {
    request: {
      path: { kind, value, caseSensitive: true },
      headers: headers.map((name) => ({
        name,
        value: undefined,
        invert: false,
        missingAsEmpty: false,
      })),
      queryParameters: parameters.map((name) => ({ name, value: undefined })),
    },
    sourceLabels: undefined,
    sourceNamespace: undefined,
    port: undefined,
    origin: ORIGIN,
  };
}

function rule(name: string, ...matches: ScopedMatch[]): HttpRule {
  return {
    name,
    matches: matches.length === 0 ? [match("prefix", "/")] : matches,
    action: { kind: "directResponse", status: 200, body: name },
    requestHeaders: NO_MUTATIONS,
    responseHeaders: NO_MUTATIONS,
    cors: undefined,
    session: undefined,
    origin: ORIGIN,
  };
}

describe("which routes hold", () => {
  const consumer = set("gateway-api", "consumer", {
    namespace: "front",
    consumer: true,
    exportTo: ["front"],
  });
  const cases: {
    name: string;
    routes: HttpRouteSet[];
    from?: string;
    port?: number;
    hold: string[] | undefined;
  }[] = [
    { name: "none", routes: [], hold: undefined },
    {
      name: "Istio before the Gateway API before SMI",
      routes: [set("smi", "s"), set("gateway-api", "g"), set("istio", "i")],
      hold: ["i"],
    },
    {
      name: "Istio before a ServiceProfile",
      routes: [set("linkerd", "l"), set("istio", "i")],
      hold: ["i"],
    },
    {
      name: "a ServiceProfile before the Gateway API",
      routes: [set("gateway-api", "g"), set("linkerd", "l")],
      hold: ["l"],
    },
    {
      name: "the client's own ServiceProfile before all others",
      routes: [
        set("istio", "i"),
        set("linkerd", "l"),
        consumer,
        set("linkerd", "own", { namespace: "front", consumer: true, exportTo: ["front"] }),
      ],
      from: "front",
      hold: ["own"],
    },
    {
      name: "the Gateway API before SMI",
      routes: [set("smi", "s"), set("gateway-api", "g")],
      hold: ["g"],
    },
    {
      name: "a consumer route before Istio",
      routes: [set("istio", "i"), consumer],
      from: "front",
      hold: ["consumer"],
    },
    {
      name: "no consumer route of another namespace",
      routes: [set("istio", "i"), consumer],
      from: "back",
      hold: ["i"],
    },
    {
      name: "Gateway API routes together, the oldest first",
      routes: [set("gateway-api", "b"), set("gateway-api", "a")],
      hold: ["a", "b"],
    },
    {
      name: "the oldest VirtualService",
      routes: [
        set("istio", "a", { creationTimestamp: "2026-02-01T00:00:00Z" }),
        set("istio", "b", { creationTimestamp: "2026-01-01T00:00:00Z" }),
      ],
      hold: ["b"],
    },
    {
      name: "without dates the first by name",
      routes: [set("istio", "b"), set("istio", "a")],
      hold: ["a"],
    },
    {
      name: "an exact host before a wildcard",
      routes: [set("istio", "a", { hosts: ["*.svc.cluster.local"] }), set("istio", "b")],
      hold: ["b"],
    },
    {
      name: "not one for another port",
      routes: [set("gateway-api", "g", { ports: [9090] }), set("smi", "s")],
      hold: ["s"],
    },
    {
      name: "one for this port",
      routes: [set("gateway-api", "g", { ports: [80] }), set("smi", "s")],
      hold: ["g"],
    },
    {
      name: "not one exported elsewhere",
      routes: [set("istio", "i", { exportTo: ["other"] })],
      hold: undefined,
    },
    {
      name: "the private one of the client",
      routes: [set("istio", "i", { exportTo: [], namespace: "front" })],
      hold: ["i"],
    },
    {
      name: "not one for another host",
      routes: [set("smi", "s", { hosts: ["ratings"] })],
      hold: undefined,
    },
  ];
  it.each(cases)("$name", ({ routes, from = "front", port = 80, hold }) => {
    const decision = routeSetsFor({ routes }, { namespace: from }, TARGET, port);
    expect(decision?.sets.map(({ name }) => name)).toEqual(hold);
  });

  it("rejects what no rule matches for the Gateway API alone", () => {
    const unmatched = (routes: HttpRouteSet[]) =>
      routeSetsFor({ routes }, { namespace: "front" }, TARGET, 80)?.unmatched;
    expect(unmatched([set("gateway-api", "g")])).toBe("notFound");
    expect(unmatched([set("istio", "i")])).toBe("service");
  });
});

describe("the order of merged matches", () => {
  const order = (...sets: HttpRouteSet[]) =>
    routeSetsFor({ routes: sets }, { namespace: "front" }, TARGET, 80)?.rules.map(
      ({ name }) => name,
    );
  const one = (...rules: HttpRule[]) => set("gateway-api", "one", { rules });

  it.each([
    {
      first: match("exact", "/a"),
      later: match("separatedPrefix", "/a/long/prefix"),
      why: "an exact path",
    },
    {
      first: match("separatedPrefix", "/a/b"),
      later: match("separatedPrefix", "/a"),
      why: "a longer prefix",
    },
    {
      first: match("separatedPrefix", "/a"),
      later: match("prefix", "/", ["x", "y"]),
      why: "a prefix before headers",
    },
    {
      first: match("prefix", "/", [":method"]),
      later: match("prefix", "/", ["x", "y"]),
      why: "a method before headers",
    },
    {
      first: match("prefix", "/", ["x", "y"]),
      later: match("prefix", "/", ["x"], ["q"]),
      why: "more headers",
    },
    {
      first: match("prefix", "/", ["x"], ["q"]),
      later: match("prefix", "/", ["x"]),
      why: "more query parameters",
    },
  ])("puts $why first", ({ first, later }) => {
    expect(order(one(rule("later", later), rule("first", first)))).toEqual(["first", "later"]);
  });

  it("takes the alternatives of one rule apart", () => {
    const rules = [
      rule("both", match("prefix", "/"), match("exact", "/a")),
      rule("mid", match("separatedPrefix", "/a")),
    ];
    expect(order(one(...rules))).toEqual(["both", "mid", "both"]);
  });

  it("ends ties by the route's age, its name, then the rule's place", () => {
    const old = set("gateway-api", "z", {
      creationTimestamp: "2026-01-01T00:00:00Z",
      rules: [rule("old")],
    });
    const late = { creationTimestamp: "2026-02-01T00:00:00Z" };
    const a = set("gateway-api", "a", { ...late, rules: [rule("a1"), rule("a2")] });
    const b = set("gateway-api", "b", { ...late, rules: [rule("b")] });
    expect(order(b, a, old)).toEqual(["old", "a1", "a2", "b"]);
  });
});

describe("routes that lose", () => {
  const service = { host: HOST } as Service;
  const losers = (...routes: HttpRouteSet[]) =>
    routeLosers({ routes, services: [service] }).map(formatDiagnostic);

  it("says nothing where nothing is lost", () => {
    expect(losers(set("gateway-api", "a"), set("gateway-api", "b"))).toEqual([]);
    expect(losers(set("istio", "a"), set("smi", "b", { hosts: ["other"] }))).toEqual([]);
    expect(losers(set("smi", "a", { ports: [80] }), set("smi", "b", { ports: [81] }))).toEqual([]);
    expect(
      losers(set("istio", "a", { exportTo: ["x"] }), set("istio", "b", { exportTo: ["y"] })),
    ).toEqual([]);
  });

  it("leaves VirtualServices among themselves to their dialect", () => {
    expect(losers(set("istio", "b"), set("istio", "a"))).toEqual([]);
  });

  it("reports the younger of two TrafficSplits with the winner's place", () => {
    expect(losers(set("smi", "b"), set("smi", "a"))[0]).toMatch(
      /^b.yaml:1:1: warning OUT0301: TrafficSplit shop\/a \(a.yaml:1\) routes reviews.shop/,
    );
  });

  it("reports every loser across dialects once", () => {
    const found = losers(set("smi", "s"), set("gateway-api", "g"), set("istio", "i"));
    expect(found).toHaveLength(2);
    expect(found[0]).toMatch(/^s.yaml.*OUT0301: VirtualService shop\/i/);
    expect(found[1]).toMatch(/^g.yaml.*OUT0301: VirtualService shop\/i/);
  });

  it("tells a producer that a consumer's route replaces it in one namespace", () => {
    const consumer = set("gateway-api", "c", {
      namespace: "front",
      consumer: true,
      exportTo: ["front"],
    });
    expect(losers(set("istio", "i"), consumer)).toEqual([
      expect.stringMatching(/^i.yaml.*info OUT0301: HTTPRoute front\/c .* for clients in front/),
    ]);
  });
});
