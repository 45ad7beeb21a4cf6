import { expect, it } from "vitest";
import { clientSnapshot, meshOf } from "../../../../test/support/mesh.ts";
import { CODECS, decodeResource } from "../../../xds/resource.ts";

function routed(retry: string): string {
  return `
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
    - retry: ${retry}
      timeouts: { request: 0s, backendRequest: 0s }
      backendRefs: [{ name: cart, port: 80 }]
`;
}

function routedByIstio(retries: string): string {
  return `
apiVersion: v1
kind: Service
metadata: { name: cart }
spec: { selector: { app: cart }, ports: [{ name: http, port: 80 }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: cart }
spec:
  hosts: [cart]
  http: [{ retries: ${retries}, route: [{ destination: { host: cart } }] }]
`;
}

it.each([
  "{ attempts: 99999999999 }",
  "{ attempts: 2147483647, backoff: 0s }",
  "{ attempts: 1, perTryTimeout: 0s, backoff: 100us }",
])("retries of a VirtualService, %s, ask for nothing that a proxy would refuse", (retries) => {
  expectAccepted(routedByIstio(retries));
});

function expectAccepted(text: string): void {
  const { routes } = clientSnapshot(meshOf(text));
  expect(routes.length).toBeGreaterThan(0);
  for (const route of routes) {
    const bytes = CODECS.route.encode(route, "envoy");
    expect(decodeResource("route", bytes).problems).toEqual([]);
  }
}

it.each([
  ["without a back-off", "{ codes: [503], backoff: 0s }"],
  ["with the shortest back-off", "{ codes: [503], backoff: 1ms }"],
  ["with the longest back-off", "{ codes: [503], backoff: 99999h99999h99999h99999h }"],
  ["of no attempts", "{ codes: [503], attempts: 0 }"],
  ["of more attempts than there may be", "{ codes: [503], attempts: 99999999999 }"],
  ["of as many attempts as there may be", "{ codes: [503], attempts: 4294967295 }"],
])("retries %s ask for nothing that a proxy would refuse", (_, retry) => {
  expectAccepted(routed(retry));
});
