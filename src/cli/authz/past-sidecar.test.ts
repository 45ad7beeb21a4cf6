import { describe, expect, it } from "vitest";
import { translate } from "../../control/translate.ts";
import { destinationsOf } from "./destination.ts";
import { readCheck } from "./flags.ts";
import { Judge, type Verdict } from "./judge.ts";
import { plannedWorld } from "./world.ts";

function mesh(annotation: string): string {
  return `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { selector: { app: web }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: web, namespace: shop, labels: { app: web }, annotations: { ${annotation} } }
spec: { containers: [{ name: web, image: web, ports: [{ containerPort: 8080 }] }] }
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: shop }
spec: { mtls: { mode: STRICT } }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: nobody, namespace: shop }
spec: {}
`;
}

function ask(annotation: string, from: string): Verdict | undefined {
  const world = plannedWorld(translate([{ file: "mesh.yaml", text: mesh(annotation) }]));
  const { questions } = readCheck(["mesh.yaml", "GET", "/"], { from, to: "web.shop" });
  const [question] = questions;
  const found = question === undefined ? "" : destinationsOf(world, question);
  if (question === undefined || typeof found === "string") throw new Error(String(found));
  const [destination] = found;
  return destination && new Judge(world).judge(question, destination);
}

describe("a port past the pod's sidecar", () => {
  it.each([
    'traffic.sidecar.istio.io/excludeInboundPorts: "8080"',
    'traffic.sidecar.istio.io/includeInboundPorts: "9090"',
    "config.linkerd.io/skip-inbound-ports: 8000-8100",
  ])("is open to everybody, whatever policies say: %s", (annotation) => {
    for (const from of ["shop/web", "outside"]) {
      const verdict = ask(annotation, from);
      expect(verdict).toMatchObject({ allowed: true, policies: [], decidedBy: undefined });
      expect(verdict?.because).toContain("no sidecar");
    }
  });

  it("is not one of which its sidecar hears nothing: that lets nobody in", () => {
    const { mesh: known, pods } = plannedWorld(
      translate([
        { file: "mesh.yaml", text: mesh("").replace("spec: {}", "spec: { rules: [{}] }") },
      ]),
    );
    const { questions } = readCheck(["mesh.yaml", "GET", "/"], {
      from: "shop/web",
      to: "web.shop",
    });
    const [question] = questions;
    const found = question && destinationsOf({ mesh: known, pods }, question);
    if (question === undefined || typeof found !== "object") throw new Error(String(found));
    const [destination] = found;
    const judge = new Judge({ mesh: known, pods: [] });
    const verdict = destination && judge.judge(question, destination);
    expect(verdict).toMatchObject({ allowed: false, details: "" });
    expect(verdict?.because).toContain("no configuration");
  });

  it("is no other port", () => {
    const annotation = 'traffic.sidecar.istio.io/excludeInboundPorts: "8081"';
    expect(ask(annotation, "shop/web")?.allowed).toBe(false);
    expect(ask(annotation, "outside")?.allowed).toBe(false);
  });
});
