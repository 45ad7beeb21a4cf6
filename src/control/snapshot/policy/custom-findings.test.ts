import { describe, expect, it } from "vitest";
import { meshOf } from "../../../../test/support/mesh.ts";
import { customFindings } from "./custom-findings.ts";

function messages(provider: string, policy: string): string[] {
  const mesh = meshOf(`
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data:
  mesh: |
    extensionProviders:
      - name: gate
        envoyExtAuthzHttp: { ${provider} }
---
apiVersion: v1
kind: Service
metadata: { name: gate }
spec: { selector: { app: gate }, ports: [{ name: http, port: 9000 }] }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: ask${policy} }
spec: { action: CUSTOM, provider: { name: gate }, rules: [{}] }
`);
  return customFindings(mesh).map(({ code, message }) => `${code} ${message}`);
}

const HOST = "service: gate.default.svc.cluster.local";

describe("CUSTOM policies whose server is not in the mesh", () => {
  it.each([
    [
      "its host",
      "service: gate.shop.svc.cluster.local, port: 9000",
      "gate.shop.svc.cluster.local:9000",
    ],
    ["its port", `${HOST}, port: 9001`, "gate.default.svc.cluster.local:9001"],
  ])("are reported where nobody serves %s", (_, provider, address) => {
    expect(messages(provider, "")).toEqual([
      `OUT0312 No service of the mesh is "gate", ${address}: ` +
        "whatever this policy asks about is denied",
    ]);
  });

  it("are fine where it is there", () => {
    expect(messages(`${HOST}, port: 9000`, "")).toEqual([]);
  });

  it("are fine where nothing is tried", () => {
    const dryRun = ', annotations: { istio.io/dry-run: "true" }';
    expect(messages(`${HOST}, port: 9001`, dryRun)).toEqual([]);
  });
});
