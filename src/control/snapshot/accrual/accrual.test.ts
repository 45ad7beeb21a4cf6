import { describe, expect, it } from "vitest";
import {
  clientSnapshot,
  meshOf,
  podsOfMesh,
  sidecarNode,
  snapshotOf,
} from "../../../../test/support/mesh.ts";
import type { ForwardAction } from "../../../model/route.ts";
import { CODECS, decodeResource } from "../../../xds/resource.ts";
import { validate } from "../../validate.ts";
import { envoyLosses } from "../resilience/envoy-findings.ts";

const CART = `
apiVersion: v1
kind: Service
metadata:
  name: cart
  annotations:
    balancer.linkerd.io/failure-accrual: consecutive
    balancer.linkerd.io/failure-accrual-consecutive-max-failures: "3"
    retry.linkerd.io/http: "503"
    retry.linkerd.io/limit: "2"
    timeout.linkerd.io/request: 2s
    timeout.linkerd.io/idle: 10s
spec: { selector: { app: cart }, ports: [{ name: http, port: 80 }] }
`;

const ROUTE = `
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: cart
  annotations: {}
spec:
  parentRefs: [{ group: "", kind: Service, name: cart, port: 80 }]
  rules:
    - backendRefs: [{ name: cart, port: 80 }]
`;

const VIRTUAL_SERVICE = `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: cart }
spec:
  hosts: [cart]
  http: [{ route: [{ destination: { host: cart } }] }]
`;

function cartCluster(text: string, agent = "outrigger") {
  const mesh = meshOf(text);
  const node = { ...sidecarNode({ name: "client", address: "10.44.1.1" }), userAgentName: agent };
  const { clusters } = snapshotOf(mesh, podsOfMesh(mesh), node);
  return clusters.find(({ name }) => name.startsWith("outbound|80||cart."));
}

function cartRoutes(text: string) {
  return clientSnapshot(meshOf(text))
    .routes.flatMap(({ virtualHosts }) => virtualHosts)
    .filter(({ name }) => name.startsWith("cart."))
    .flatMap(({ routes }) => routes.map(({ action }) => action as ForwardAction));
}

describe("a Service with Linkerd's annotations", () => {
  it("has its endpoints judged by our proxies, which never panic", () => {
    const cluster = cartCluster(CART);
    expect(cluster?.failureAccrual).toMatchObject({ maxFailures: 3, successRate: undefined });
    expect(cluster?.outlierDetection).toBeUndefined();
    expect(cluster?.healthyPanicThreshold).toBe(0);
  });

  it("is told where it has no address, since nobody chooses for its clients", () => {
    const mesh = meshOf(CART.replace("spec: {", "spec: { clusterIP: None,"));
    const found = validate(mesh).filter(({ code }) => code === "OUT0313");
    expect(found.map(({ hint }) => hint)).toEqual([
      "failure accrual is for Services with a cluster IP",
    ]);
  });

  const told = (text: string) =>
    validate(meshOf(text))
      .filter(({ code }) => code === "OUT0313")
      .map(({ message, hint }) => [message, hint]);

  it("is told where it has no address, and its failures were to weigh", () => {
    const penalty = `annotations:
    outrigger.dev/load-balancer: PEAK_EWMA
    balancer.alpha.linkerd.io/penalize-failures: "true"`;
    const text = CART.replace("annotations:", penalty).replace(
      "spec: {",
      "spec: { clusterIP: None,",
    );
    expect(told(text)).toEqual([
      [
        "Requests to a headless Service go to the pod that the client chose, judged by nobody",
        "failure accrual and penalties for failures are for Services with a cluster IP",
      ],
    ]);
  });

  it("is told where its ports are TCP, which has no requests", () => {
    expect(told(CART.replace("name: http", "name: tcp-x"))).toEqual([
      [
        "All ports of the Service are TCP, so annotations of it do not count: retries, timeouts",
        "name a port http, or give it appProtocol: http",
      ],
    ]);
  });

  it("is told where it has no ports", () => {
    const external = "type: ExternalName, externalName: example.org";
    const text = CART.replace(/spec: .*/, `spec: { ${external} }`);
    expect(told(text)).toEqual([
      [
        "The Service has no ports, so annotations of it do not count: " +
          "retries, timeouts, failure accrual",
        "list the ports that its clients call",
      ],
    ]);
  });

  it("is told that a ServiceProfile silences its penalties for failures", () => {
    const penalty = `annotations:
    outrigger.dev/load-balancer: PEAK_EWMA
    balancer.alpha.linkerd.io/penalize-failures: "true"`;
    const profile = `
---
apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
metadata: { name: cart.default.svc.cluster.local }
spec: { routes: [] }
`;
    const [[message = ""] = []] = told(CART.replace("annotations:", penalty) + profile);
    expect(message).toContain("retries, timeouts, failure accrual, penalties for failures");
  });

  it("is balanced as any other Service", () => {
    const plain = cartCluster(CART.replace(/annotations:[\s\S]*?\nspec/, "annotations: {}\nspec"));
    expect(plain?.failureAccrual).toBeUndefined();
    expect(cartCluster(CART)?.lbPolicy).toBe(plain?.lbPolicy);
  });

  it("has its failures weighed where it is balanced by peak EWMA", () => {
    const lines = `
    outrigger.dev/load-balancer: PEAK_EWMA
    balancer.alpha.linkerd.io/penalize-failures: "true"`;
    const cluster = cartCluster(CART.replace("annotations:", `annotations:${lines}`));
    expect(cluster?.lbPolicy).toBe("peakEwma");
    const failurePenalty = { penaltyMs: 5000, maxRetryAfterMs: 300_000 };
    expect(cluster?.balancing.peakEwma).toMatchObject({ failurePenalty });
  });

  it("gets the nearest outlier detection from an Envoy", () => {
    const cluster = cartCluster(CART, "envoy");
    expect(cluster?.failureAccrual).toBeUndefined();
    expect(cluster?.outlierDetection).toMatchObject({
      consecutive5xx: 3,
      enforcingConsecutive5xx: 100,
      intervalMs: 1000,
      baseEjectionTimeMs: 1000,
      maxEjectionTimeMs: 60_000,
      maxEjectionTimeJitterMs: 500,
      maxEjectionPercent: 100,
      alwaysEjectOneHost: true,
      enforcingSuccessRate: 0,
      enforcingFailurePercentage: 0,
    });
  });

  it("hears what an Envoy leaves out, and each Service once", () => {
    const unified = CART.replace("accrual: consecutive", "accrual: unified");
    const found = envoyLosses(meshOf(unified));
    expect(found.map(({ code, subject, message }) => `${code} ${subject}: ${message}`)).toEqual([
      "OUT0314 Service default/cart: Envoy has no failure accrual: it ejects outliers, without " +
        "one request on probation, requests that wait for an endpoint, penalties that double, " +
        "429 as a failure",
    ]);
  });

  it("has its success rate judged by an Envoy as a percentage of failures", () => {
    const unified = CART.replace("accrual: consecutive", "accrual: unified");
    expect(cartCluster(unified, "envoy")?.outlierDetection).toMatchObject({
      failurePercentageThreshold: 20,
      enforcingFailurePercentage: 100,
      failurePercentageMinimumHosts: 1,
      failurePercentageRequestVolume: 5,
    });
  });

  it.each([
    ["without routes", CART],
    ["with a route of the Gateway API that says nothing", CART + ROUTE],
  ])("has them in its routes %s", (_, text) => {
    const [action] = cartRoutes(text);
    expect(action).toMatchObject({
      timeoutMs: 0,
      maxStreamDurationMs: 2000,
      idleTimeoutMs: 10_000,
      retryPolicy: {
        numRetries: 2,
        retriableStatusCodes: [503],
        backOffBaseMs: 25,
        backOffMaxMs: 250,
      },
    });
  });

  it("asks for nothing that a proxy would refuse", () => {
    const { clusters, routes } = clientSnapshot(meshOf(CART));
    for (const flavor of ["outrigger", "envoy"] as const) {
      for (const cluster of clusters) {
        const bytes = CODECS.cluster.encode(cluster, flavor);
        expect(decodeResource("cluster", bytes).problems).toEqual([]);
      }
      for (const one of routes) {
        const bytes = CODECS.route.encode(one, flavor);
        expect(decodeResource("route", bytes).problems).toEqual([]);
      }
    }
  });

  it("loses all its retries to a route that has one of its own, and keeps its timeouts", () => {
    const route = ROUTE.replace("{}", "{ retry.linkerd.io/timeout: 100ms }");
    expect(cartRoutes(CART + route)[0]).toMatchObject({
      maxStreamDurationMs: 2000,
      retryPolicy: { numRetries: 1, retriableStatusCodes: [], perTryTimeoutMs: 100 },
    });
  });

  it("loses all its timeouts to a route that has one of its own", () => {
    const route = ROUTE.replace("{}", "{ timeout.linkerd.io/response: 1s }");
    expect(cartRoutes(CART + route)[0]).toMatchObject({
      timeoutMs: 1000,
      maxStreamDurationMs: undefined,
      idleTimeoutMs: undefined,
    });
  });

  it("keeps its way of judging beside a VirtualService, and hears of what that silences", () => {
    expect(cartCluster(CART + VIRTUAL_SERVICE)?.failureAccrual).toBeDefined();
    expect(cartRoutes(CART + VIRTUAL_SERVICE)[0]).toMatchObject({
      timeoutMs: 0,
      maxStreamDurationMs: undefined,
      retryPolicy: { retriableStatusCodes: [] },
    });
    const found = validate(meshOf(CART + VIRTUAL_SERVICE)).filter(({ code }) => code === "OUT0313");
    expect(found.map(({ message }) => message)).toEqual([
      "VirtualService default/cart (mesh.yaml:16) routes cart.default.svc.cluster.local, " +
        "so annotations of the Service do not count: retries, timeouts",
    ]);
  });
});
