import { expect, it } from "vitest";
import { meshOf } from "../../../../test/support/mesh.ts";
import { reportAccessPolicies } from "./access-policies.ts";

function found(namespace: string, spec: string): readonly string[] {
  const mesh = meshOf(`
apiVersion: v1
kind: Pod
metadata: { name: web, labels: { app: web } }
spec: { containers: [{ name: web, image: web, ports: [{ containerPort: 80 }] }] }
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: a, namespace: ${namespace} }
spec: ${spec}
`);
  return reportAccessPolicies(mesh).map(({ code, subject }) => `${code} ${subject}`);
}

const RULES = 'jwtRules: [{ issuer: "https://a" }]';

it("a RequestAuthentication that selects no pods is told of", () => {
  const selected = `{ selector: { matchLabels: { app: wep } }, ${RULES} }`;
  expect(found("default", selected)).toEqual(["IST0127 RequestAuthentication default/a"]);
  expect(found("nowhere", `{ ${RULES} }`)).toEqual(["IST0127 RequestAuthentication nowhere/a"]);
});

it("one that selects some, or is for the mesh, is not", () => {
  expect(found("default", `{ selector: { matchLabels: { app: web } }, ${RULES} }`)).toEqual([]);
  expect(found("istio-system", `{ ${RULES} }`)).toEqual([]);
});
