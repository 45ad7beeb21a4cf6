import { describe, expect, it } from "vitest";
import { translate } from "../../control/translate.ts";
import { destinationsOf } from "./destination.ts";
import { type CheckFlags, readCheck } from "./flags.ts";
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
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: tokens, namespace: shop }
spec:
  jwtRules:
    - issuer: me
      jwks: '{"keys":[]}'
      outputClaimToHeaders: [{ header: x-user, claim: sub }]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: p, namespace: shop }
`;

function ask(spec: string, flags: CheckFlags): boolean | undefined {
  const world = plannedWorld(translate([{ file: "mesh.yaml", text: `${MESH}spec: ${spec}\n` }]));
  const asked = { from: "shop/one", to: "web.shop", ...flags };
  const { problems, questions } = readCheck(["mesh.yaml", "GET", "/a"], asked);
  const [question] = questions;
  const found = question === undefined ? problems.join() : destinationsOf(world, question);
  if (question === undefined || typeof found === "string") throw new Error(String(found));
  const [destination] = found;
  return destination && new Judge(world).judge(question, destination).allowed;
}

function whereHeader(name: string, value: string): string {
  return `{ rules: [{ when: [{ key: "request.headers[${name}]", values: ["${value}"] }] }] }`;
}

describe("the headers of a question", () => {
  it("are those of the client", () => {
    expect(ask(whereHeader("x-role", "a"), { header: ["x-role: a"] })).toBe(true);
    expect(ask(whereHeader("x-role", "a"), {})).toBe(false);
  });

  it.each([
    { name: "x-envoy-max-retries", header: ["x-envoy-max-retries: 5"] },
    { name: "x-user", header: ["x-user: 5"] },
    { name: "keep-alive", header: ["keep-alive: 5"] },
    { name: "x-hop", header: ["x-hop: 5", "connection: close, X-Hop"] },
    { name: "x-envoy-peer-metadata", header: ["x-envoy-peer-metadata: 5"] },
    { name: "x-forwarded-client-cert", header: ["x-forwarded-client-cert: 5"] },
  ])("are without $name, which no client can say", ({ name, header }) => {
    expect(ask(whereHeader(name, "5"), { header })).toBe(false);
  });

  it("have what the sidecar adds", () => {
    expect(ask(whereHeader("x-request-id", "*"), {})).toBe(true);
    expect(ask(whereHeader("x-forwarded-proto", "http"), {})).toBe(true);
    expect(ask(whereHeader("x-user", "me"), { jwtClaim: ["iss=me", "sub=me"] })).toBe(true);
    const spec = whereHeader("x-forwarded-client-cert", "*/ns/shop/sa/one");
    expect(ask(spec, {})).toBe(true);
    expect(ask(spec, { from: "outside" })).toBe(false);
  });

  it("say who the client is, unless a flag does", () => {
    const from = "[{ source: { remoteIpBlocks: [10.1.2.3] } }]";
    const spec = `{ action: DENY, rules: [{ from: ${from} }] }`;
    const header = ["x-forwarded-for: 10.9.9.9, 10.1.2.3"];
    expect(ask(spec, { header })).toBe(false);
    expect(ask(spec, { header: ["x-forwarded-for: 10.1.2.3, 10.9.9.9"] })).toBe(true);
    expect(ask(spec, { header, remoteIp: "10.9.9.9" })).toBe(true);
  });
});
