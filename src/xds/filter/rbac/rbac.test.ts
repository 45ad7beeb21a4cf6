import type { JsonObject } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rbacOverrides } from "../../../../test/support/arbitrary-rbac.ts";
import { routeConfiguration } from "../../../../test/support/arbitrary-routes.ts";
import { decodeJson } from "../../../../test/support/resource-json.ts";
import { CODECS, decodeResource } from "../../resource.ts";

const ANY = [{ any: true }];
const HTTP = "type.googleapis.com/envoy.extensions.filters.http";
const NETWORK = "type.googleapis.com/envoy.extensions.filters.network";
const ROUTER = { name: "router", typedConfig: { "@type": `${HTTP}.router.v3.Router` } };

function policies(permissions: JsonObject[], principals: JsonObject[] = ANY): JsonObject {
  return { policies: { one: { permissions, principals } } };
}

function named(name: string, typed: JsonObject): JsonObject {
  return { name, typedConfig: { "@type": `${HTTP}.rbac.v3.RBAC`, ...typed } };
}

function chainOf(filters: JsonObject[]) {
  const address = { socketAddress: { address: "127.0.0.1", portValue: 1 } };
  return decodeJson("listener", { name: "in", address, filterChains: [{ filters }] });
}

function http(...filters: JsonObject[]) {
  const typedConfig = {
    "@type": `${NETWORK}.http_connection_manager.v3.HttpConnectionManager`,
    statPrefix: "in",
    routeConfig: {},
    httpFilters: [...filters, ROUTER],
  };
  return chainOf([{ name: "hcm", typedConfig }]);
}

function tcp(...before: JsonObject[]) {
  const typedConfig = {
    "@type": `${NETWORK}.tcp_proxy.v3.TcpProxy`,
    statPrefix: "t",
    cluster: "a",
  };
  const rbac = { "@type": `${NETWORK}.rbac.v3.RBAC`, statPrefix: "r" };
  const filters = before.map((typed) => ({ name: "rbac", typedConfig: { ...rbac, ...typed } }));
  return chainOf([...filters, { name: "tcp", typedConfig }]);
}

function problemOf(permission: JsonObject): string {
  return http(named("r", { rules: policies([permission]) })).problems.join("\n");
}

describe("RBAC on the wire", () => {
  it("keeps what routes, virtual hosts and route configurations say to filters of a name", () => {
    fc.assert(
      fc.property(routeConfiguration, fc.array(rbacOverrides, { minLength: 3 }), (config, said) => {
        const [first = [], second = [], third = []] = said.map((rbac) => ({ rbac }));
        const model = {
          ...config,
          filterConfigs: { ...config.filterConfigs, ...first },
          virtualHosts: config.virtualHosts.map((host) => ({
            ...host,
            filterConfigs: { ...host.filterConfigs, ...second },
            routes: host.routes.map((route) => ({
              ...route,
              filterConfigs: { ...route.filterConfigs, ...third },
            })),
          })),
        };
        const bytes = CODECS.route.encode(model, "envoy");
        const decoded = decodeResource("route", bytes).model;
        expect(sorted(decoded?.filterConfigs.rbac)).toEqual(sorted(model.filterConfigs.rbac));
        const hosts = decoded?.virtualHosts.map(({ filterConfigs }) => sorted(filterConfigs.rbac));
        expect(hosts).toEqual(model.virtualHosts.map((one) => sorted(one.filterConfigs.rbac)));
      }),
      { numRuns: 40 },
    );
  });

  it("takes several filters, also of one name, and sorts policies by their names", () => {
    const two = { policies: { b: { permissions: ANY, principals: ANY } } };
    const { model, problems } = http(
      named("x", {
        rules: { ...two, action: "DENY", policies: { ...two.policies, a: two.policies.b } },
      }),
      named("x", {}),
      named("y", { shadowRules: {} }),
    );
    expect(problems).toEqual([]);
    const filter = model?.filterChains[0]?.filter;
    const filters = filter?.kind === "http" ? filter.httpFilters : [];
    expect(filters.map((one) => (one.kind === "rbac" ? one.name : one.kind))).toEqual([
      "x",
      "x",
      "y",
      "router",
    ]);
    const [first] = filters;
    const rules = first?.kind === "rbac" ? first.rbac.rules : undefined;
    expect(rules).toMatchObject({ action: "deny", policies: [{ name: "a" }, { name: "b" }] });
  });

  it("takes the deprecated ways to say the same", () => {
    const range = { addressPrefix: "10.0.0.0", prefixLen: 8 };
    const { model, problems } = http(
      named("r", {
        rules: policies(
          [
            { header: { name: "X-A", exactMatch: "b" } },
            { header: { name: "x-a", prefixMatch: "b" } },
            { header: { name: "x-a", suffixMatch: "b" } },
            { header: { name: "x-a", safeRegexMatch: { googleRe2: {}, regex: "b" } } },
            { header: { name: "x-a", presentMatch: true } },
          ],
          [{ sourceIp: range }],
        ),
      }),
    );
    expect(problems).toEqual([]);
    const filter = model?.filterChains[0]?.filter;
    expect(JSON.stringify(filter)).toContain('"kind":"sourceIp"');
  });

  it.each<[string, JsonObject, RegExp]>([
    ["an extension", { matcher: { name: "x" } }, /permissions\[0\].matcher.*only path templates/],
    [
      "a broken template",
      uriTemplate("/a/**/*"),
      /path_template: is no template: nothing but text/,
    ],
    ["an empty template", uriTemplate(""), /path_template.*empty/],
    ["a bad regex", { urlPath: { path: { safeRegex: { regex: "(" } } } }, /regular expression/],
    ["ports upside down", { destinationPortRange: { start: 9, end: 9 } }, /is no range of ports/],
    ["a port that is none", { destinationPort: 70_000 }, /destination_port.*at most 65535/],
    ["an address that is none", { destinationIp: { addressPrefix: "x" } }, /is no address/],
    ["nothing at all", {}, /one of these fields is missing/],
    ["a set of nothing", { andRules: {} }, /and_rules.rules: too few/],
    ["any: false", { any: false }, /has one legal value/],
  ])("refuses %s", (_, permission, problem) => {
    expect(problemOf(permission)).toMatch(problem);
  });

  it("refuses what it does not execute by name", () => {
    const condition = { constExpr: { boolValue: true } };
    const said = http(
      named("r", {
        matcher: {},
        shadowMatcher: {},
        rules: {
          auditLoggingOptions: {},
          policies: {
            p: { permissions: ANY, principals: [{ filterState: { key: "x" } }], condition },
            q: { principals: ANY },
          },
        },
      }),
    ).problems.join("\n");
    for (const part of [
      "typed_config.matcher: is not executed by Outrigger: match trees",
      "typed_config.shadow_matcher",
      "audit_logging_options: is not executed",
      "policies.p.condition: is not executed by Outrigger: CEL",
      "principals[0].filter_state",
      "policies.q.permissions: too few elements",
    ]) {
      expect(said).toContain(part);
    }
  });

  it("asks TCP connections one after the other, and nothing that only requests have", () => {
    const { model, problems } = tcp(
      { rules: policies([{ destinationPort: 1 }]) },
      { shadowRules: {} },
    );
    expect(problems).toEqual([]);
    const filter = model?.filterChains[0]?.filter;
    expect(filter).toMatchObject({ kind: "tcp", rbac: [{ statPrefix: "r" }, { statPrefix: "r" }] });
    const header = { notRule: { header: { name: "x" } } };
    const path = { urlPath: { path: { exact: "/" } } };
    expect(tcp({ rules: policies([header], [path]) }).problems).toEqual([
      expect.stringMatching(/rules.policies.one.permissions: ask about a request/),
      expect.stringMatching(/rules.policies.one.principals: ask about a request/),
    ]);
    expect(tcp({ enforcementType: "CONTINUOUS" }).problems).toHaveLength(1);
  });

  it("has no policies of connections before an HTTP connection manager", () => {
    const rbac = { "@type": `${NETWORK}.rbac.v3.RBAC`, statPrefix: "r" };
    const typedConfig = {
      "@type": `${NETWORK}.http_connection_manager.v3.HttpConnectionManager`,
      statPrefix: "in",
      routeConfig: {},
      httpFilters: [ROUTER],
    };
    const { problems } = chainOf([
      { name: "rbac", typedConfig: rbac },
      { name: "hcm", typedConfig },
    ]);
    expect(problems).toEqual([expect.stringContaining("have policies before the HTTP")]);
  });
});

function uriTemplate(pathTemplate: string): JsonObject {
  const type = "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig";
  const typedConfig = { "@type": `type.googleapis.com/${type}`, pathTemplate };
  return { uriTemplate: { name: "x", typedConfig } };
}

function sorted<T extends { readonly filter: string }>(list: readonly T[] | undefined): T[] {
  return [...(list ?? [])].sort((a, b) => (a.filter < b.filter ? -1 : 1));
}
