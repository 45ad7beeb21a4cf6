import { expect, it } from "vitest";
import { clientSnapshot, meshOf } from "../../../../test/support/mesh.ts";
import { NO_FILTER_CONFIGS } from "../../../model/filter/filter-configs.ts";
import { envoyLosses } from "../resilience/envoy-findings.ts";

const CART = `
apiVersion: v1
kind: Service
metadata: { name: cart }
spec: { selector: { app: cart }, ports: [{ name: http, port: 80 }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: cart }
spec:
  parentRefs: [{ group: "", kind: Service, name: cart, port: 80 }]
  rules:
    - matches: [{ path: { value: /kept } }]
      sessionPersistence: { sessionName: cart }
      backendRefs: [{ name: cart, port: 80 }]
    - backendRefs: [{ name: cart, port: 80 }]
`;

it("a rule's session is its route's, and the filter stands before the router", () => {
  const { listeners, routes } = clientSnapshot(meshOf(CART));
  const sessions = routes
    .flatMap(({ virtualHosts }) => virtualHosts)
    .filter(({ name }) => name.startsWith("cart."))
    .flatMap((host) => host.routes.map(({ filterConfigs }) => filterConfigs));
  const state = { kind: "cookie", name: "cart", ttlMs: 0, path: "/" };
  expect(sessions).toEqual([
    { ...NO_FILTER_CONFIGS, session: { kind: "statefulSession", state, strict: false } },
    NO_FILTER_CONFIGS,
  ]);
  const managers = listeners.flatMap(({ filterChains }) =>
    filterChains.flatMap(({ filter }) => (filter.kind === "http" ? [filter.httpFilters] : [])),
  );
  expect(managers.length).toBeGreaterThan(0);
  for (const filters of managers) {
    expect(filters.map(({ kind }) => kind)).toEqual(["telemetry", "statefulSession", "router"]);
  }
});

it("meshes without sessions have no filter for them", () => {
  const { listeners } = clientSnapshot(meshOf(CART.replace(/ +sessionPersistence.*\n/, "")));
  const kinds = listeners.flatMap(({ filterChains }) =>
    filterChains.flatMap(({ filter }) => (filter.kind === "http" ? filter.httpFilters : [])),
  );
  expect(new Set(kinds.map(({ kind }) => kind))).toEqual(new Set(["telemetry", "router"]));
});

it("an Envoy does not hold sessions to their times, and that is said once a rule", () => {
  const timed = CART.replace("sessionName: cart", "sessionName: cart, idleTimeout: 5m");
  const found = envoyLosses(meshOf(timed)).map(({ code, path }) => `${code} ${path}`);
  expect(found).toEqual(["OUT0315 spec.rules[0].sessionPersistence"]);
  expect(envoyLosses(meshOf(CART))).toEqual([]);
});
