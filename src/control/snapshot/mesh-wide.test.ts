import { describe, expect, it } from "vitest";
import { clientSnapshot, meshOf } from "../../../test/support/mesh.ts";

const SERVICES = `
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, clusterIP: 10.96.0.1, ports: [{ name: http, port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: db }
spec: { selector: { app: db }, clusterIP: 10.96.0.2, ports: [{ name: tcp-sql, port: 3306 }] }
`;
const MESH_CONFIG = `
---
apiVersion: mesh.istio.io/v1alpha1
kind: MeshConfig
metadata: { name: mesh }
accessLogFile: /dev/stdout
accessLogEncoding: JSON
`;

/** The access logs of all chains of all listeners. */
function logsOf(text: string) {
  const { listeners } = clientSnapshot(meshOf(text));
  const chains = listeners.flatMap(({ filterChains, defaultFilterChain }) =>
    defaultFilterChain === undefined ? filterChains : [...filterChains, defaultFilterChain],
  );
  return chains.map(({ filter }) => filter.accessLogs);
}

describe("a mesh's access log", () => {
  it("stands in every chain, TCP's as well", () => {
    const logs = logsOf(SERVICES + MESH_CONFIG);
    expect(logs.length).toBeGreaterThan(3);
    for (const one of logs) {
      expect(one).toMatchObject([{ path: "/dev/stdout", format: { kind: "json" } }]);
    }
  });

  it("is none where no file is named", () => {
    expect(new Set(logsOf(SERVICES).map((logs) => logs.length))).toEqual(new Set([0]));
  });
});

const SHOP = `
apiVersion: v1
kind: Service
metadata: { name: shop }
spec: { selector: { app: shop }, clusterIP: 10.96.0.3, ports: [{ name: http, port: 80 }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shop }
spec:
  hosts: [shop]
  http:
    - route: [{ destination: { host: shop } }]
      mirrors:
        - { destination: { host: shop, subset: v2 }, percentage: { value: 0.5 } }
        - { destination: { host: nowhere } }
        - { destination: { host: shop }, percentage: { value: 0 } }
      corsPolicy: { allowOrigins: [{ exact: https://a.example }], unmatchedPreflights: IGNORE }
`;

describe("a rule's mirrors and CORS policy", () => {
  const { listeners, routes } = clientSnapshot(meshOf(SHOP));
  const route = routes
    .flatMap(({ virtualHosts }) => virtualHosts.flatMap((host) => host.routes))
    .find(({ action }) => action.kind === "forward" && action.mirrors.length > 0);

  it("are the route's", () => {
    expect(route?.action).toMatchObject({
      mirrors: [
        {
          cluster: "outbound|80|v2|shop.default.svc.cluster.local",
          fraction: { numerator: 5000, denominator: 1_000_000 },
          shadowHost: false,
        },
        { cluster: "outbound|80||nowhere.default.svc.cluster.local", fraction: undefined },
      ],
    });
    expect(route?.filterConfigs.cors).toMatchObject({
      allowOrigins: [{ kind: "exact", value: "https://a.example" }],
      forwardNotMatchingPreflights: false,
    });
  });

  it("put the filter before the router of every HTTP chain", () => {
    const managers = listeners.flatMap(({ filterChains, defaultFilterChain: last }) =>
      [...filterChains, ...(last === undefined ? [] : [last])].flatMap(({ filter }) =>
        filter.kind === "http" ? [filter.httpFilters.map(({ kind }) => kind)] : [],
      ),
    );
    expect(managers.length).toBeGreaterThan(0);
    for (const kinds of managers) expect(kinds.slice(-2)).toEqual(["cors", "router"]);
  });
});

describe("a mesh's path normalization", () => {
  /** What the HTTP chains of all listeners of a client are told. */
  function pathsOf(normalization: string | undefined): ReadonlySet<string> {
    const config =
      normalization === undefined
        ? ""
        : MESH_CONFIG.replace(/accessLog[\s\S]*/, "") +
          `pathNormalization: { normalization: ${normalization} }\n`;
    const { listeners } = clientSnapshot(meshOf(SERVICES + config));
    const told = listeners
      .flatMap(({ filterChains }) => filterChains)
      .flatMap(({ filter }) => {
        if (filter.kind === "tcp") return [];
        return `${filter.normalizePath} ${filter.mergeSlashes} ${filter.escapedSlashes}`;
      });
    return new Set(told);
  }

  it.each([
    [undefined, "true false keep"],
    ["DEFAULT", "true false keep"],
    ["NONE", "false false keep"],
    ["BASE", "true false keep"],
    ["MERGE_SLASHES", "true true keep"],
    ["DECODE_AND_MERGE_SLASHES", "true true forward"],
  ])("%s is told to every connection manager", (normalization, told) => {
    expect(pathsOf(normalization)).toEqual(new Set([told]));
  });
});
