import { expect, it } from "vitest";
import { translate } from "../../control/translate.ts";
import { destinationsOf } from "./destination.ts";
import { readCheck } from "./flags.ts";
import { Judge } from "./judge.ts";
import { plannedWorld } from "./world.ts";

const MESH = `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { selector: { app: web }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: web, namespace: shop, labels: { app: web } }
spec: { containers: [{ name: web, image: web, ports: [{ containerPort: 8080 }] }] }
---
apiVersion: policy.linkerd.io/v1beta3
kind: Server
metadata: { name: web, namespace: shop }
spec: { podSelector: {}, port: 8080, accessPolicy: cluster-authenticated }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: web, namespace: shop }
spec: { rules: [{ to: [{ operation: { methods: [GET] } }] }] }
`;

function reason(from: string, method: string): string | undefined {
  const world = plannedWorld(translate([{ file: "mesh.yaml", text: MESH }]));
  const { questions } = readCheck(["mesh.yaml", method, "/"], { from, to: "web" });
  const [question] = questions;
  const found = question === undefined ? "" : destinationsOf(world, question);
  if (question === undefined || typeof found === "string") throw new Error(String(found));
  const [destination] = found;
  return destination && new Judge(world).judge(question, destination).because;
}

it("says which dialect's policies let nobody in, where several hold", () => {
  expect(reason("shop/a", "POST")).toBe("Istio's ALLOW policies have no rule that matches");
  expect(reason("outside", "GET")).toBe("Linkerd's ALLOW policies have no rule that matches");
});
