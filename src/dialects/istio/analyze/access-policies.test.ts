import { describe, expect, it } from "vitest";
import { meshOf } from "../../../../test/support/mesh.ts";
import { reportAccessPolicies } from "./access-policies.ts";

const SHOP = `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { selector: { app: web }, ports: [{ name: http, port: 80 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: web, namespace: shop, labels: { app: web } }
spec: { serviceAccountName: web, containers: [{ name: web, image: web }] }
---
apiVersion: v1
kind: Pod
metadata:
  name: door
  namespace: shop
  labels: { istio: door, gateway.networking.k8s.io/gateway-name: door }
spec: { containers: [{ name: door, image: door }] }
---
apiVersion: v1
kind: Pod
metadata: { name: old, namespace: shop, labels: { app: old } }
spec: { containers: [{ name: old, image: old }] }
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: old, namespace: shop }
spec: { selector: { matchLabels: { app: old } }, mtls: { mode: DISABLE } }
---
`;

function codes(spec: string, namespace = "shop"): string[] {
  const text = `${SHOP}
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: p, namespace: ${namespace} }
spec: ${spec}
`;
  return reportAccessPolicies(meshOf(text)).map(({ code, message }) => `${code} ${message}`);
}

function source(fields: string): string {
  return `{ rules: [{ from: [{ source: ${fields} }] }] }`;
}

describe("AuthorizationPolicies beside what there is", () => {
  it.each([
    ["a selector that selects", "{ selector: { matchLabels: { app: web } } }"],
    ["accounts of pods", source("{ serviceAccounts: [web], notIpBlocks: [10.0.0.0/8] }")],
    ["principals of other trust domains", source("{ principals: [else/ns/a/sa/b, x*] }")],
    ["namespaces with something in them", source("{ namespaces: [shop, sh*, '*op'] }")],
    [
      "hosts of services",
      "{ rules: [{ to: [{ operation: { hosts: [web, 'web.shop:80', '*.x'] } }] }] }",
    ],
  ])("are fine with %s", (_, spec) => expect(codes(spec)).toEqual([]));

  it.each([
    [
      "a selector that selects nobody",
      "{ selector: { matchLabels: { app: wep } } }",
      "IST0127 No matching workloads for this resource with the following labels: app=wep",
    ],
    [
      "a selector for a gateway",
      "{ selector: { matchLabels: { istio: door } } }",
      "IST0166 Ineffective selector on Kubernetes Gateway shop/door. " +
        "Use the TargetRef field instead.",
    ],
    [
      "a namespace that is not there",
      source("{ notNamespaces: [shopp] }"),
      'IST0101 Referenced namespace not found: "shopp"',
    ],
    [
      "an account that is not there",
      source("{ principals: [cluster.local/ns/shop/sa/wep] }"),
      "KIA0106 Service Account not found for this principal: shop/wep",
    ],
    [
      "a host that is not there",
      "{ rules: [{ to: [{ operation: { hosts: [wep.shop] } }] }] }",
      "KIA0104 This host has no matching entry in the service registry: wep.shop",
    ],
    [
      "identities where there are none",
      "{ selector: { matchLabels: { app: old } }, " +
        "rules: [{ from: [{ source: { namespaces: [shop] } }] }] }",
      "KIA0105 This field requires mTLS to be enabled: the rule matches nobody",
    ],
  ])("are reported for %s", (_, spec, expected) => expect(codes(spec)).toEqual([expected]));

  it("of an empty namespace are reported, of the whole mesh are not", () => {
    expect(codes("{}", "nowhere")[0]).toMatch(/^IST0127/);
    expect(codes("{}", "istio-system")).toEqual([]);
  });
});
