import { describe, expect, it } from "vitest";
import { meshOf, podsOfMesh } from "../../../test/support/mesh.ts";
import { traps } from "./traps.ts";

const SHOP = `
apiVersion: v1
kind: Service
metadata: { name: ratings }
spec: { selector: { app: ratings }, ports: [{ name: http, port: 80 }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ratings }
spec:
  hosts: [ratings]
  http:
    - { name: old, match: [{ uri: { prefix: /old } }], redirect: { uri: /new } }
    - { name: a, match: [{ uri: { prefix: /a } }], route: [{ destination: { host: ratings } }] }
    - { name: rest, route: [{ destination: { host: ratings } }] }
`;

function breaker(name: string, target: string, more = ""): string {
  return `
apiVersion: outrigger.dev/v1alpha1
kind: CircuitBreaker
metadata: { name: ${name} }
spec: { targetRefs: [${target}]${more} }
`;
}

const SERVICE = breaker("s", "{ kind: Service, name: ratings }", ", bulkhead: {maxConcurrent: 9}");
const ROUTE = breaker("r", "{ kind: VirtualService, name: ratings }");

function found(...documents: readonly string[]): readonly string[] {
  const mesh = meshOf([SHOP, ...documents].join("---"));
  return traps({ mesh, pods: podsOfMesh(mesh) }).map(({ code, message }) => `${code} ${message}`);
}

describe("a service's circuit behind those of a route", () => {
  it("guards nothing where each rule that forwards has its own: OUT0832", () => {
    const told = "OUT0832 Calls to ratings pass CircuitBreaker default/r at their rules";
    expect(found(SERVICE, ROUTE)).toEqual([expect.stringContaining(told)]);
  });

  it.each([
    ["a rule has none", breaker("r", "{ kind: VirtualService, name: ratings, sectionName: a }")],
    ["both are one policy", ""],
  ])("is no matter where %s", (_, other) => {
    const both = "{ kind: Service, name: ratings }, { kind: VirtualService, name: ratings }";
    expect(other === "" ? found(breaker("s", both)) : found(SERVICE, other)).toEqual([]);
  });

  it("is no matter for a namespace's, which is meant for what has none of its own", () => {
    expect(found(breaker("n", "{ kind: Namespace, name: default }"), ROUTE)).toEqual([]);
  });
});

describe("a fallback of last good answers", () => {
  it("has none where no rule takes a GET: OUT0831", () => {
    const posts = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: posts }
spec:
  parentRefs: [{ kind: Service, group: "", name: other }]
  rules:
    - matches: [{ method: POST }, { method: PUT }]
      backendRefs: [{ name: ratings, port: 80 }]
---
apiVersion: v1
kind: Service
metadata: { name: other }
spec: { selector: { app: ratings }, ports: [{ name: http, port: 80 }] }
`;
    const lastGood = ", fallback: { lastGood: {} }";
    const at = breaker("r", "{ kind: HTTPRoute, name: posts }", lastGood);
    expect(found(posts, at)).toEqual([
      expect.stringMatching(/^OUT0831 .*keeps answers to GET, and no rule takes one/),
    ]);
    expect(found(posts.replace("method: PUT", "method: GET"), at)).toEqual([]);
    const both = breaker(
      "r",
      "{ kind: HTTPRoute, name: posts }, { kind: Service, name: ratings }",
      lastGood,
    );
    expect(found(posts, both)).toEqual([]);
  });
});
