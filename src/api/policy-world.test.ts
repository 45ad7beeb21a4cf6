import { describe, expect, it } from "vitest";
import { meshOf, podsOfMesh } from "../../test/support/mesh.ts";
import { readPolicies, tellPolicies } from "./policy-world.ts";

const SHOP = `
apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations: { private: secret, config.linkerd.io/opaque-ports: "1" }
spec:
  containers:
    - name: web
      image: web
      command: [secret]
      env: [{ name: A, value: secret }]
      ports: [{ containerPort: 80 }]
---
apiVersion: v1
kind: Service
metadata: { name: web, annotations: { private: secret } }
spec: { selector: { app: web }, ports: [{ port: 80 }] }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: p }
spec: { rules: [{}] }
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: p }
spec:
  selector: { matchLabels: { app: web } }
  portLevelMtls: { "80": { mode: DISABLE } }
`;

describe("the policies of a running mesh", () => {
  const mesh = meshOf(SHOP);
  const pods = podsOfMesh(mesh);
  const text = JSON.stringify(tellPolicies(mesh, pods));

  it("are read as they were told", () => {
    const world = readPolicies(text);
    expect(world?.mesh.security).toEqual(mesh.security);
    expect(world?.pods.map(({ name, address }) => [name, address])).toEqual([
      ["web-0", "10.44.0.2"],
    ]);
    expect(world?.pods[0]?.containers[0]?.ports).toEqual(pods[0]?.containers[0]?.ports);
    expect(world?.mesh.services.map(({ host }) => host)).toEqual(["web.default.svc.cluster.local"]);
  });

  it("hold nothing that containers run with", () => {
    expect(text).not.toContain("secret");
    expect(text).toContain("opaque-ports");
  });

  it.each(["", "{}", "[]", "null", '{"pods":{}}'])("are not read of %j", (other) => {
    expect(readPolicies(other)).toBeUndefined();
  });
});
