import { describe, expect, it } from "vitest";
import { clientSnapshot, meshOf } from "../../../../test/support/mesh.ts";
import type { ForwardAction } from "../../../model/route.ts";
import { CODECS, decodeResource } from "../../../xds/resource.ts";
import { validate } from "../../validate.ts";

const CART = `
apiVersion: v1
kind: Service
metadata:
  name: cart
  annotations:
    balancer.linkerd.io/failure-accrual: consecutive
    timeout.linkerd.io/request: 2s
spec:
  selector: { app: cart }
  ports: [{ name: http, port: 80 }, { name: http-db, port: 3306 }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: cart }
spec:
  parentRefs: [{ group: "", kind: Service, name: cart, port: 80 }]
  rules: [{ backendRefs: [{ name: cart, port: 80 }] }]
`;

const PROFILE = `
---
apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
metadata: { name: cart.default.svc.cluster.local }
spec:
  routes:
    - name: read
      condition: { method: GET }
      isRetryable: true
      timeout: 300ms
  retryBudget: { retryRatio: 0.5, minRetriesPerSecond: 4, ttl: 30s }
  opaquePorts: ["3306"]
`;

function seen(text: string, namespace = "default") {
  const { clusters, routes } = clientSnapshot(meshOf(text), { namespace });
  const cluster = clusters.find(({ name }) => name.startsWith("outbound|80||cart."));
  const host = routes
    .flatMap(({ virtualHosts }) => virtualHosts)
    .find(({ name }) => name.startsWith("cart.default") && name.endsWith(":80"));
  return { cluster, routes: host?.routes.map(({ action }) => action as ForwardAction) ?? [] };
}

describe("a Service with a ServiceProfile", () => {
  it("is routed by it, and what no route matches goes to it without one", () => {
    const { routes } = seen(CART + PROFILE);
    expect(routes.map(({ timeoutMs }) => timeoutMs)).toEqual([300, 0]);
    expect(routes[0]?.retryPolicy?.retriableStatusCodes).toHaveLength(100);
    expect(routes[1]?.maxStreamDurationMs).toBeUndefined();
  });

  it("asks for nothing that a proxy would refuse", () => {
    const split = `${PROFILE}  dstOverrides:
    - { authority: nobody.default.svc.cluster.local, weight: 1 }
    - { authority: "cart.default.svc.cluster.local:80", weight: 500m }
`;
    const { clusters, routes } = clientSnapshot(meshOf(CART + split));
    for (const flavor of ["outrigger", "envoy"] as const) {
      const problems = [
        ...clusters.map((one) => decodeResource("cluster", CODECS.cluster.encode(one, flavor))),
        ...routes.map((one) => decodeResource("route", CODECS.route.encode(one, flavor))),
      ].flatMap((decoded) => decoded.problems);
      expect(problems).toEqual([]);
    }
    expect(seen(CART + split).routes.map(({ clusters: to }) => to.length)).toEqual([2, 2]);
  });

  it("has its retries budgeted by it", () => {
    expect(seen(CART + PROFILE).cluster?.thresholds).toMatchObject({
      retryBudget: { budgetPercent: 50, minRetryConcurrency: 4 },
      retryRate: { percent: 50, minPerSecond: 4, windowMs: 30_000 },
    });
  });

  it("has nothing of it in other namespaces where it is not of the Service's", () => {
    const foreign = PROFILE.replace("cart.default.svc.cluster.local", "$&, namespace: front");
    expect(seen(CART + foreign, "front").routes[0]?.timeoutMs).toBe(300);
    expect(seen(CART + foreign).routes[0]?.timeoutMs).toBe(0);
    expect(seen(CART + foreign).cluster?.failureAccrual).toBeDefined();
  });

  it("has no failure accrual, and no route of the Gateway API, and each is told", () => {
    const mesh = meshOf(CART + PROFILE);
    expect(seen(CART + PROFILE).cluster?.failureAccrual).toBeUndefined();
    const profile = "ServiceProfile default/cart.default.svc.cluster.local (mesh.yaml:21)";
    const found = validate(mesh).filter(({ code }) => code === "OUT0301" || code === "OUT0313");
    expect(found.map(({ subject, message }) => `${subject}: ${message}`)).toEqual([
      `HTTPRoute default/cart: ${profile} routes cart.default.svc.cluster.local, so this does not`,
      `Service default/cart: ${profile} routes cart.default.svc.cluster.local, ` +
        "so annotations of the Service do not count: timeouts, failure accrual",
    ]);
  });

  it("takes its opaque ports for TCP", () => {
    const ports = meshOf(CART + PROFILE).services.flatMap((service) => service.ports);
    expect(ports.map(({ port, protocol }) => `${port} ${protocol}`)).toEqual([
      "80 http",
      "3306 tcp",
    ]);
  });
});
