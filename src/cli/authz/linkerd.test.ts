import { describe, expect, it } from "vitest";
import { translate } from "../../control/translate.ts";
import { destinationsOf } from "./destination.ts";
import { readCheck } from "./flags.ts";
import { Judge, type Verdict } from "./judge.ts";
import { plannedWorld } from "./world.ts";

function web(server: string): string {
  return `
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
spec: { podSelector: { matchLabels: { app: web } }, port: 8080${server} }
`;
}

const POLICY = `
apiVersion: policy.linkerd.io/v1alpha1
kind: AuthorizationPolicy
metadata: { name: web, namespace: shop }
spec:
  targetRef: { group: policy.linkerd.io, kind: Server, name: web }
  requiredAuthenticationRefs: [{ kind: ServiceAccount, name: one, namespace: shop }]
`;

const AUTHORIZATION = `
apiVersion: policy.linkerd.io/v1beta1
kind: ServerAuthorization
metadata: { name: web, namespace: shop }
spec:
  server: { name: web }
  client: { meshTLS: { serviceAccounts: [{ name: two }] } }
`;

function route(spec: string): string {
  return `
apiVersion: policy.linkerd.io/v1beta3
kind: HTTPRoute
metadata: { name: web, namespace: shop }
spec: { parentRefs: [{ group: policy.linkerd.io, kind: Server, name: web }], ${spec} }
`;
}

function ask(from: string, ...documents: readonly string[]): Verdict | undefined {
  return askIn(web(""), from, ...documents);
}

function askIn(...[mesh, from, ...documents]: [string, string, ...string[]]): Verdict | undefined {
  const text = [mesh, ...documents].join("---");
  const world = plannedWorld(translate([{ file: "mesh.yaml", text }]));
  const { questions } = readCheck(["mesh.yaml", "GET", "/a"], { from, to: "web.shop" });
  const [question] = questions;
  const found = question === undefined ? "" : destinationsOf(world, question);
  if (question === undefined || typeof found === "string") throw new Error(String(found));
  const [destination] = found;
  return destination && new Judge(world).judge(question, destination);
}

describe("Linkerd objects of one name", () => {
  it.each([
    { from: "shop/one", kind: "AuthorizationPolicy" },
    { from: "shop/two", kind: "ServerAuthorization" },
  ])("each let $from in", ({ from, kind }) => {
    const verdict = ask(from, POLICY, AUTHORIZATION);
    expect(verdict).toMatchObject({ allowed: true, decidedBy: { kind, name: "web" } });
    expect(ask("shop/three", POLICY, AUTHORIZATION)?.allowed).toBe(false);
  });
});

describe("a Linkerd AuthorizationPolicy of several Servers", () => {
  it("opens what each of them is about", () => {
    const wider = `
apiVersion: policy.linkerd.io/v1beta3
kind: Server
metadata: { name: all, namespace: shop }
spec: { podSelector: {}, port: 8080 }
`;
    const all = POLICY.replace("kind: Server, name: web", "kind: Namespace, name: shop");
    const limited = route("rules: [{ matches: [{ path: { value: /other } }] }]");
    for (const servers of [`${web("")}---${wider}`, `${wider}---${web("")}`]) {
      const verdict = askIn(servers, "shop/one", all, limited);
      expect(verdict).toMatchObject({ allowed: true, decidedBy: { name: "web" } });
    }
  });
});

describe("a Linkerd HTTPRoute", () => {
  it("lets nothing through where it has an empty list of rules", () => {
    expect(ask("shop/one", POLICY, route("rules: []"))?.allowed).toBe(false);
  });

  it("is about every request where it has no list of rules", () => {
    expect(ask("shop/one", POLICY, route(""))?.allowed).toBe(true);
  });

  it("lets nothing through of a Server that is open by itself", () => {
    const open = web(", accessPolicy: all-unauthenticated");
    expect(askIn(open, "shop/one")?.allowed).toBe(true);
    expect(askIn(open, "shop/one", route("rules: []"))?.allowed).toBe(false);
  });
});
