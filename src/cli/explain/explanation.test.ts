import { describe, expect, it } from "vitest";
import { translate } from "../../control/translate.ts";
import { type CheckFlags, readCheck } from "../authz/flags.ts";
import { plannedWorld } from "../authz/world.ts";
import { type Explanation, explain, explanationText } from "./explanation.ts";

const SHOP = `
apiVersion: v1
kind: Service
metadata: { name: reviews, namespace: shop }
spec: { selector: { app: reviews }, ports: [{ name: http, port: 9080 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: reviews-v1, namespace: shop, labels: { app: reviews, version: v1 } }
spec: { containers: [{ name: reviews, image: reviews }] }
---
apiVersion: v1
kind: Pod
metadata: { name: reviews-v2, namespace: shop, labels: { app: reviews, version: v2 } }
spec: { containers: [{ name: reviews, image: reviews }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews, namespace: shop }
spec:
  host: reviews
  subsets:
    - { name: v1, labels: { version: v1 } }
    - { name: v2, labels: { version: v2 } }
    - { name: v3, labels: { version: v3 } }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews, namespace: shop }
spec:
  hosts: [reviews]
  http:
    - match: [{ headers: { end-user: { exact: jason } } }]
      route: [{ destination: { host: reviews, subset: v3 } }]
    - match: [{ uri: { prefix: /old } }]
      redirect: { uri: /new }
    - match: [{ uri: { prefix: /api/ } }]
      rewrite: { uri: / }
      route: [{ destination: { host: reviews, subset: v1 } }]
    - route:
        - { destination: { host: reviews, subset: v1 }, weight: 90 }
        - { destination: { host: reviews, subset: v2 }, weight: 10 }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: v2, namespace: shop }
spec:
  selector: { matchLabels: { version: v2 } }
  rules: [{ to: [{ operation: { methods: [GET] } }] }]
`;

const GUARDED = `${SHOP}---
apiVersion: outrigger.dev/v1alpha1
kind: CircuitBreaker
metadata: { name: all, namespace: shop }
spec:
  targetRefs: [{ kind: Service, name: reviews }]
  bulkhead: { maxConcurrent: 9 }
---
apiVersion: outrigger.dev/v1alpha1
kind: CircuitBreaker
metadata: { name: api, namespace: shop }
spec:
  targetRefs: [{ kind: VirtualService, name: reviews, sectionName: api }]
  open: { consecutiveErrors: 5 }
  fallback: { static: { status: 200 } }
`.replace("- match: [{ uri: { prefix: /api/ } }]", "$&\n      name: api");

const world = plannedWorld(translate([{ file: "mesh.yaml", text: SHOP }]));

function explained(words: string, flags: CheckFlags = {}, at = world): Explanation {
  const asked = { from: "shop/web", to: "reviews:9080", ...flags };
  const { problems, questions } = readCheck(["mesh.yaml", ...words.split(" ")], asked);
  expect(problems).toEqual([]);
  const [question] = questions;
  if (question === undefined) throw new Error("nothing is asked");
  return explain(at, question);
}

describe("what happens to a request", () => {
  it("is the rule that matches, its clusters by their shares, and what their pods say", () => {
    const { clusters, route } = explained("POST /reviews/1");
    expect(route).toBe("VirtualService shop/reviews spec.http[3] (mesh.yaml:40:7)");
    expect(clusters).toMatchObject([
      { share: 0.9, pods: 1, verdicts: [{ verdict: "allow", pods: ["shop/reviews-v1"] }] },
      { share: 0.1, pods: 1, verdicts: [{ verdict: "deny", pods: ["shop/reviews-v2"] }] },
    ]);
  });

  it("goes by headers", () => {
    const explanation = explained("GET /", { header: ["end-user: jason"] });
    expect(explanation.clusters).toMatchObject([{ share: 1, pods: 0 }]);
    expect(explanationText(explanation)).toContain(
      "cluster   100% outbound|9080|v3|reviews.shop.svc.cluster.local (no pod: 503)",
    );
  });

  it("may be an answer of the client's sidecar", () => {
    expect(explained("GET /old/1")).toMatchObject({ answer: "redirect, 301", clusters: [] });
  });

  it("says where policies see another path than the one given", () => {
    expect(explained("GET /api/1").notes).toEqual([
      "the route rewrites the path; below, policies are asked about the one given here",
    ]);
  });

  it("leaves the mesh where nobody knows the host", () => {
    expect(explained("GET /", { to: "example.com" })).toMatchObject({
      virtualHost: "allow_any",
      clusters: [{ cluster: "PassthroughCluster", pods: 0 }],
      notes: [
        "no service here has this name and port: the request leaves the mesh, and nobody is asked",
      ],
    });
  });

  it("depends on whose namespace a short name is in", () => {
    expect(explained("GET /", { from: "else/web" }).virtualHost).toBe("allow_any");
    expect(explained("GET /", { from: "else/web", to: "reviews.shop:9080" }).clusters).toHaveLength(
      2,
    );
  });
});

describe("circuits", () => {
  const guarded = plannedWorld(translate([{ file: "mesh.yaml", text: GUARDED }]));

  it("are told with the line that asks for them", () => {
    const explanation = explained("POST /reviews/1", {}, guarded);
    const all =
      "CircuitBreaker shop/all (mesh.yaml:52:1): opens at 50% errors of 20 calls in 10s for 5s, " +
      "at most 9 calls at a time; else 503";
    expect(explanation.circuit).toBeUndefined();
    expect(explanation.clusters.map(({ circuit }) => circuit)).toEqual([all, all]);
    expect(explanationText(explanation)).toContain(`pod)\n      circuit ${all}\n`);
  });

  it("are the route's where it has one of its own", () => {
    const explanation = explained("GET /api/1", {}, guarded);
    const api =
      "CircuitBreaker shop/api (mesh.yaml:59:1): opens at 5 errors in a row for 5s; " +
      "else 200 of its own";
    expect(explanation.circuit).toBe(api);
    const text = explanationText(explanation);
    expect(text).toContain(`    circuit   ${api}\n`);
    expect(text).not.toContain("shop/all");
  });
});
