import { describe, expect, it } from "vitest";
import { meshOf, podsOfMesh } from "../../../../../test/support/mesh.ts";
import { policiesAt } from "./scope.ts";

function policies(namespace: string, pod: string, port: number | undefined) {
  const mesh = meshOf(`
apiVersion: v1
kind: Namespace
metadata: { name: shop, annotations: { ${annotation(namespace)} } }
---
apiVersion: policy.linkerd.io/v1beta3
kind: Server
metadata: { name: metrics, namespace: shop }
spec: { podSelector: {}, port: 9090 }
---
apiVersion: v1
kind: Pod
metadata: { name: web, namespace: shop, annotations: { ${annotation(pod)} } }
spec: { containers: [{ name: web, image: web, ports: [{ containerPort: 8080 }] }] }
`);
  const [web] = podsOfMesh(mesh);
  return web === undefined ? [] : policiesAt(mesh, web, port);
}

function annotation(policy: string): string {
  return policy === "" ? "" : `config.linkerd.io/default-inbound-policy: ${policy}`;
}

describe("Linkerd's default for ports that no Server is about", () => {
  it("closes them where the namespace says so", () => {
    expect(policies("deny", "", 8080)).toMatchObject([{ action: "allow", rules: [] }]);
    expect(policies("deny", "", undefined)).toMatchObject([{ action: "allow", rules: [] }]);
  });

  it("is the pod's own before the namespace's", () => {
    const [policy] = policies("deny", "all-authenticated", 8080);
    expect(policy?.rules[0]?.when).toEqual([
      { key: "source.principal", values: ["*"], notValues: [] },
    ]);
    expect(policies("deny", "all-unauthenticated", 8080)).toEqual([]);
  });

  it("says nothing of a Server's port", () => {
    const [policy, ...others] = policies("all-authenticated", "", 9090);
    expect(policy?.origin).toMatchObject({ kind: "Server", name: "metrics" });
    expect(others).toEqual([]);
  });

  it("refuses nobody where it only audits", () => {
    expect(policies("", "audit", 8080)).toMatchObject([{ dryRun: true, rules: [] }]);
  });

  it("is none where nothing is annotated", () => {
    expect(policies("", "", 8080)).toEqual([]);
  });
});
