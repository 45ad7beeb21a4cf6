import { expect, it } from "vitest";
import { clientSnapshot, meshOf } from "../../../../test/support/mesh.ts";
import type { HttpFilter, Listener } from "../../../model/listener.ts";

const CART = `
apiVersion: v1
kind: Service
metadata: { name: cart }
spec: { selector: { app: cart }, ports: [{ name: http, port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: stock }
spec: { selector: { app: stock }, ports: [{ name: http, port: 81 }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: cart }
spec:
  hosts: [cart]
  http:
    - match: [{ uri: { prefix: /slow } }]
      fault: { delay: { fixedDelay: 2s, percentage: { value: 100 } } }
      corsPolicy: { allowOrigins: [{ exact: https://example.com }] }
      route: [{ destination: { host: cart } }]
    - route: [{ destination: { host: cart } }]
`;

/** The filters of each connection manager, by the route configuration that it asks for. */
function filtersByRoutes(listeners: readonly Listener[]): Map<string, HttpFilter["kind"][]> {
  const found = new Map<string, HttpFilter["kind"][]>();
  for (const { filter } of listeners.flatMap(({ filterChains }) => filterChains)) {
    if (filter.kind !== "http" || filter.routes.kind !== "rds") continue;
    found.set(
      filter.routes.name,
      filter.httpFilters.map(({ kind }) => kind),
    );
  }
  return found;
}

it("a rule's faults are its route's, and the filter stands where a route has some", () => {
  const { listeners, routes } = clientSnapshot(meshOf(CART));
  const filters = filtersByRoutes(listeners);
  expect(filters.get("80")).toEqual(["telemetry", "fault", "cors", "router"]);
  expect(filters.get("81")).toEqual(["telemetry", "cors", "router"]);
  const delays = routes
    .flatMap(({ virtualHosts }) => virtualHosts)
    .filter(({ name }) => name.startsWith("cart."))
    .flatMap((host) => host.routes.map(({ filterConfigs }) => filterConfigs.fault?.delay));
  const share = { numerator: 1_000_000, denominator: 1_000_000 };
  expect(delays).toEqual([{ share, by: { kind: "fixed", ms: 2000 } }, undefined]);
});

it("meshes without faults have no filter for them", () => {
  const { listeners } = clientSnapshot(meshOf(CART.replace(/ +fault.*\n/, "")));
  for (const kinds of filtersByRoutes(listeners).values()) expect(kinds).not.toContain("fault");
});
