import { describe, expect, it } from "vitest";
import { HeaderTable } from "../../codec/http/header-table.ts";
import { Registry } from "../../metrics/registry.ts";
import { NO_FILTER_CONFIGS } from "../../model/filter/filter-configs.ts";
import {
  NO_MUTATIONS,
  type PathMatch,
  type Route,
  type RouteConfiguration,
  type RouteMatch,
} from "../../model/route.ts";
import { ClusterSlot } from "../cluster/cluster-slot.ts";
import { RateLimits } from "../filters/rate-limit/rate-limits.ts";
import { RequestHead } from "../route/request-head.ts";
import type { RouteTable } from "../route/route-table.ts";
import { Telemetry } from "../telemetry/telemetry.ts";
import { compileRoutes } from "./compile-routes.ts";

const NOBODY = { id: "", cluster: "", metadata: {}, userAgentName: "" };

function route(name: string, match: Partial<RouteMatch>): Route {
  const any: PathMatch = { kind: "prefix", value: "/", caseSensitive: true };
  return {
    name,
    match: { path: any, headers: [], queryParameters: [], ...match },
    action: { kind: "directResponse", status: 200, body: "" },
    requestHeaders: NO_MUTATIONS,
    responseHeaders: NO_MUTATIONS,
    filterConfigs: NO_FILTER_CONFIGS,
    origin: undefined,
  };
}

function path(kind: PathMatch["kind"], value: string, caseSensitive = true): Partial<RouteMatch> {
  return { path: { kind, value, caseSensitive } };
}

function tableOf(
  hosts: Readonly<Record<string, readonly Route[]>>,
  ignorePortInHostMatching = false,
): RouteTable {
  const config: RouteConfiguration = {
    name: "test",
    virtualHosts: Object.entries(hosts).map(([domains, routes]) => ({
      name: domains,
      domains: domains.split(" "),
      routes,
      requestHeaders: NO_MUTATIONS,
      responseHeaders: NO_MUTATIONS,
      retryPolicy: undefined,
      includeRequestAttemptCount: false,
      includeAttemptCountInResponse: false,
      filterConfigs: NO_FILTER_CONFIGS,
    })),
    ignorePortInHostMatching,
    requestHeaders: NO_MUTATIONS,
    responseHeaders: NO_MUTATIONS,
    maxDirectResponseBodyBytes: 4096,
    filterConfigs: NO_FILTER_CONFIGS,
  };
  return compileRoutes(config, {
    slotOf: (name) => new ClusterSlot(name),
    rateLimits: new RateLimits(new Telemetry(new Registry(), NOBODY, "")),
  });
}

function ask(
  authority: string,
  target: string,
  headers: Readonly<Record<string, string>> = {},
): RequestHead {
  const table = new HeaderTable();
  for (const [name, value] of Object.entries(headers)) table.addName(name, value);
  const request = new RequestHead(table);
  request.method = "GET";
  request.authority = authority;
  request.setPath(target);
  return request;
}

describe("a virtual host", () => {
  const any = [route("any", {})];
  const table = tableOf({
    "*": any,
    "*.com": any,
    "*.example.com": any,
    "www.*": any,
    "www.example.*": any,
    "www.example.com www.example.com:8080": any,
  });

  it.each([
    ["www.example.com", "www.example.com www.example.com:8080"],
    ["WWW.Example.COM", "www.example.com www.example.com:8080"],
    ["www.example.com:8080", "www.example.com www.example.com:8080"],
    ["api.example.com", "*.example.com"],
    ["example.com", "*.com"],
    ["www.example.org", "www.example.*"],
    ["www.other.org", "www.*"],
    ["other", "*"],
  ])("%s is found under %s: exact, longest suffix, longest prefix, any", (host, name) => {
    expect(table.findVirtualHost(host)?.name).toBe(name);
  });

  it("may be found without its port", () => {
    const without = tableOf({ "reviews [::1]": any }, true);
    expect(without.findVirtualHost("reviews:9080")?.name).toBe("reviews [::1]");
    expect(without.findVirtualHost("[::1]:9080")?.name).toBe("reviews [::1]");
    expect(without.findVirtualHost("ratings")).toBeUndefined();
  });
});

describe.each([
  { what: "a prefix", match: path("prefix", "/a"), yes: ["/a", "/ab", "/a?x"], no: ["/b", "/A"] },
  { what: "an exact path", match: path("exact", "/a"), yes: ["/a", "/a?x"], no: ["/a/", "/ab"] },
  {
    what: "an exact path of any case",
    match: path("exact", "/Ab", false),
    yes: ["/ab", "/AB"],
    no: ["/abc"],
  },
  {
    what: "a separated prefix",
    match: path("separatedPrefix", "/a"),
    yes: ["/a", "/a/b", "/a?x"],
    no: ["/ab"],
  },
  {
    what: "a regex, which must match the whole path",
    match: path("regex", "/[0-9]+"),
    yes: ["/12", "/12?x"],
    no: ["/12/3", "/x12", "/12\n"],
  },
  {
    what: "a query parameter",
    match: {
      queryParameters: [
        { name: "v", value: { kind: "exact", value: "2", ignoreCase: false } as const },
      ],
    },
    yes: ["/?v=2", "/?a&v=2", "/?v=2&v=3"],
    no: ["/", "/?v=3", "/?v", "/?v=3&v=2"],
  },
])("$what", ({ match, yes, no }) => {
  const table = tableOf({ "*": [route("it", match)] });
  it.each(yes)("matches %j", (target) => expect(table.find(ask("a", target))?.name).toBe("it"));
  it.each(no)("does not match %j", (target) => {
    expect(table.find(ask("a", target))).toBeUndefined();
  });
});

describe("a header", () => {
  const value = { kind: "exact", value: "jason", ignoreCase: false } as const;
  const header = { name: "end-user", value, invert: false, missingAsEmpty: false };
  const find = (match: typeof header, headers: Readonly<Record<string, string>>) =>
    tableOf({ "*": [route("it", { headers: [match] })] }).find(ask("a", "/", headers))?.name;

  it("matches by its value", () => {
    expect(find(header, { "end-user": "jason" })).toBe("it");
    expect(find(header, { "end-user": "jasonx" })).toBeUndefined();
    expect(find(header, {})).toBeUndefined();
  });

  it("inverted matches any other value, and none", () => {
    expect(find({ ...header, invert: true }, { "end-user": "other" })).toBe("it");
    expect(find({ ...header, invert: true }, { "end-user": "jason" })).toBeUndefined();
  });
});

it("takes the first route that matches", () => {
  const table = tableOf({ "*": [route("one", path("prefix", "/a")), route("two", {})] });
  expect(table.find(ask("a", "/a/b"))?.name).toBe("one");
  expect(table.find(ask("a", "/b"))?.name).toBe("two");
});

it("refuses a regex that is not RE2", () => {
  expect(() => tableOf({ "*": [route("bad", path("regex", "(?=a)"))] })).toThrow();
});
