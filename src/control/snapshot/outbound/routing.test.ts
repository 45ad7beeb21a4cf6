import { describe, expect, it } from "vitest";
import { clientSnapshot, meshOf } from "../../../../test/support/mesh.ts";
import { ask, type Question } from "../../../../test/support/question.ts";
import type { Route } from "../../../model/route.ts";

const SERVICES = `
apiVersion: v1
kind: Service
metadata: { name: reviews }
spec: { selector: { app: reviews }, clusterIP: 10.96.0.7, ports: [{ name: http, port: 9080 }] }
---
apiVersion: v1
kind: Service
metadata: { name: ratings, namespace: shop }
spec: { selector: { app: ratings }, ports: [{ name: http, port: 9080, targetPort: 8080 }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews }
spec:
  host: reviews
  subsets:
    - { name: v1, labels: { version: v1 } }
    - { name: v2, labels: { version: v2 } }
---
`;

function virtualService(http: string): string {
  return `${SERVICES}
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews }
spec:
  hosts: [reviews]
  http:
${http
  .trim()
  .split("\n")
  .map((line) => `    ${line}`)
  .join("\n")}
`;
}

const V1 = "outbound|9080|v1|reviews.default.svc.cluster.local";
const V2 = "outbound|9080|v2|reviews.default.svc.cluster.local";
const ALL = "outbound|9080||reviews.default.svc.cluster.local";
const RATINGS = "outbound|9080||ratings.shop.svc.cluster.local";
const TO_REVIEWS: Question = { port: 9080, host: "reviews:9080" };

describe.each([
  { name: "the short name in its own namespace", host: "reviews", clusters: [ALL] },
  { name: "name and namespace", host: "reviews.default", clusters: [ALL] },
  { name: "the name up to svc", host: "reviews.default.svc:9080", clusters: [ALL] },
  { name: "the FQDN", host: "reviews.default.svc.cluster.local", clusters: [ALL] },
  { name: "the FQDN with a dot", host: "reviews.default.svc.cluster.local.", clusters: [ALL] },
  { name: "the virtual address", host: "10.96.0.7:9080", clusters: [ALL] },
  { name: "another namespace's service", host: "ratings.shop:9080", clusters: [RATINGS] },
  {
    name: "another namespace's service by its short name",
    host: "ratings",
    clusters: ["PassthroughCluster"],
  },
  { name: "a host outside the mesh", host: "example.com", clusters: ["PassthroughCluster"] },
])("a request to $name", ({ host, clusters }) => {
  it(`goes to ${clusters[0]}`, () => {
    const answer = ask(clientSnapshot(meshOf(SERVICES)), { port: 9080, host });
    expect(answer.clusters).toEqual(clusters);
  });
});

describe("a VirtualService", () => {
  it("divides by weight and leaves out what has none", () => {
    const http = `
- route:
    - { destination: { host: reviews, subset: v1 }, weight: 90 }
    - { destination: { host: reviews, subset: v2 }, weight: 10 }
    - { destination: { host: ratings.shop.svc.cluster.local }, weight: 0 }`;
    const answer = ask(clientSnapshot(meshOf(virtualService(http))), TO_REVIEWS);
    expect(answer.clusters).toEqual([`${V1} 90`, `${V2} 10`]);
  });

  it("takes the first rule that matches", () => {
    const http = `
- match: [{ headers: { end-user: { exact: jason } } }]
  route: [{ destination: { host: reviews, subset: v2 } }]
- route: [{ destination: { host: reviews, subset: v1 } }]`;
    const snapshot = clientSnapshot(meshOf(virtualService(http)));
    const jason = { ...TO_REVIEWS, headers: { "end-user": "jason" } };
    expect(ask(snapshot, jason).clusters).toEqual([V2]);
    expect(ask(snapshot, TO_REVIEWS).clusters).toEqual([V1]);
  });

  it("takes a prefix as characters, not as segments", () => {
    const http = `
- match: [{ uri: { prefix: /v2 } }]
  route: [{ destination: { host: reviews, subset: v2 } }]
- route: [{ destination: { host: reviews, subset: v1 } }]`;
    const snapshot = clientSnapshot(meshOf(virtualService(http)));
    expect(ask(snapshot, { ...TO_REVIEWS, path: "/v2and" }).clusters).toEqual([V2]);
  });

  it("decides sourceLabels and sourceNamespace when configuration is made", () => {
    const http = `
- match: [{ sourceLabels: { app: web } }, { sourceNamespace: shop }]
  route: [{ destination: { host: reviews, subset: v2 } }]
- route: [{ destination: { host: reviews, subset: v1 } }]`;
    const mesh = meshOf(virtualService(http));
    const reviews = { ...TO_REVIEWS, host: "reviews.default:9080" };
    const from = (options: Parameters<typeof clientSnapshot>[1]) =>
      ask(clientSnapshot(mesh, options), reviews).clusters;
    expect(from({ labels: { app: "web" } })).toEqual([V2]);
    expect(from({ namespace: "shop" })).toEqual([V2]);
    expect(from({ labels: { app: "api" } })).toEqual([V1]);
  });

  it("names a cluster that does not exist where the subset was never declared", () => {
    const http = "- route: [{ destination: { host: reviews, subset: v9 } }]";
    const snapshot = clientSnapshot(meshOf(virtualService(http)));
    const { clusters, route } = ask(snapshot, TO_REVIEWS);
    expect(clusters).toEqual(["outbound|9080|v9|reviews.default.svc.cluster.local"]);
    expect(snapshot.clusters.map(({ name }) => name)).not.toContain(clusters[0]);
    expect(route?.action).toMatchObject({ clusterNotFoundStatus: 503 });
  });

  it("retries what was never sent, has no timeout, and says which YAML line it came from", () => {
    const http = "- route: [{ destination: { host: reviews, subset: v1 } }]";
    const route = routeTo(http);
    expect(route.action).toMatchObject({
      timeoutMs: 0,
      retryPolicy: {
        numRetries: 2,
        retryOn: ["connect-failure", "refused-stream"],
        avoidPreviousHosts: true,
        hostSelectionAttempts: 5,
        backOffBaseMs: 25,
        backOffMaxMs: 250,
      },
    });
    expect(route.origin).toMatchObject({ kind: "VirtualService", path: "spec.http[0]" });
  });

  it("has no retries where attempts are 0", () => {
    const http = `
- retries: { attempts: 0 }
  route: [{ destination: { host: reviews, subset: v1 } }]`;
    expect(routeTo(http).action).toMatchObject({ retryPolicy: undefined });
  });

  it("retries what it lists, for as long as each try may take", () => {
    const http = `
- timeout: 2s
  retries: { attempts: 3, perTryTimeout: 500ms, retryOn: "5xx,503" }
  route: [{ destination: { host: reviews, subset: v1 } }]`;
    expect(routeTo(http).action).toMatchObject({
      timeoutMs: 2000,
      retryPolicy: {
        numRetries: 3,
        perTryTimeoutMs: 500,
        retryOn: ["5xx", "retriable-status-codes"],
        retriableStatusCodes: [503],
      },
    });
  });

  it("rewrites the characters of its prefix", () => {
    const http = `
- match: [{ uri: { prefix: /api } }]
  rewrite: { uri: / }
  route: [{ destination: { host: reviews, subset: v1 } }]`;
    expect(routeTo(http, "/api/x").action).toMatchObject({ prefixRewrite: "/" });
  });

  it("serves a host of its own on port 80, where no service listens", () => {
    const mesh = meshOf(`${SERVICES}
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: outside }
spec:
  hosts: [api.example.com]
  http: [{ route: [{ destination: { host: reviews, subset: v1 } }] }]
`);
    const answer = ask(clientSnapshot(mesh), { port: 80, host: "api.example.com" });
    expect(answer.clusters).toEqual(["outbound|9080|v1|reviews.default.svc.cluster.local"]);
  });
});

describe("hosts outside the registry", () => {
  it("get 502 where only the registry may be reached", () => {
    const snapshot = clientSnapshot(meshOf(SERVICES, { outboundTrafficPolicy: "registryOnly" }));
    const answer = ask(snapshot, { port: 9080, host: "example.com" });
    expect(answer.virtualHost).toBe("block_all");
    expect(answer.route?.action).toMatchObject({ kind: "directResponse", status: 502 });
    const catchAll = snapshot.listeners[0]?.defaultFilterChain?.filter;
    expect(catchAll).toMatchObject({ clusters: [{ cluster: "BlackHoleCluster" }] });
  });
});

describe("explicit mode", () => {
  const snapshot = clientSnapshot(meshOf(SERVICES), { explicit: true });

  it("binds one outbound listener, on the pod's own address", () => {
    const bound = snapshot.listeners.filter(({ bindToPort }) => bindToPort);
    expect(bound.map(({ name, address }) => ({ name, address }))).toEqual([
      { name: "http_proxy", address: { kind: "socket", host: "10.44.1.1", port: 15001 } },
    ]);
  });

  it("treats what CONNECT asks for as a redirected connection", () => {
    const names = snapshot.listeners.map(({ name }) => name);
    expect(names).toEqual(["http_proxy", "virtualOutbound", "0.0.0.0_9080"]);
    expect(snapshot.routes.map(({ name }) => name)).toEqual(["http_proxy", "9080"]);
  });

  it("finds a service by host and port, and by host alone only on port 80", () => {
    expect(ask(snapshot, { port: 15001, host: "reviews:9080" }).clusters).toEqual([ALL]);
    expect(ask(snapshot, { port: 15001, host: "reviews" }).clusters).toEqual([
      "PassthroughCluster",
    ]);
  });

  it("starts upstream connections at the pod's address", () => {
    const cluster = snapshot.clusters.find(({ name }) => name === ALL);
    expect(cluster?.bindAddress).toEqual({ kind: "socket", host: "10.44.1.1", port: 0 });
  });
});

function routeTo(http: string, path = "/"): Route {
  const answer = ask(clientSnapshot(meshOf(virtualService(http))), { ...TO_REVIEWS, path });
  if (answer.route === undefined) throw new Error("no route matches");
  return answer.route;
}
