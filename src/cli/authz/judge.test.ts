import { describe, expect, it } from "vitest";
import { translate } from "../../control/translate.ts";
import { destinationsOf } from "./destination.ts";
import { type CheckFlags, readCheck } from "./flags.ts";
import { Judge } from "./judge.ts";
import { type CheckJson, toJson, toText } from "./report.ts";
import { plannedWorld } from "./world.ts";

const SHOP = `
apiVersion: v1
kind: Service
metadata: { name: reviews, namespace: shop }
spec:
  selector: { app: reviews }
  ports: [{ name: http, port: 80, targetPort: 9080 }, { name: tcp-db, port: 5432 }]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: reviews-v1, namespace: shop }
spec:
  replicas: 2
  selector: { matchLabels: { app: reviews } }
  template:
    metadata: { labels: { app: reviews, version: v1 } }
    spec: { containers: [{ name: reviews, image: reviews, ports: [{ containerPort: 9080 }] }] }
---
apiVersion: v1
kind: Pod
metadata: { name: reviews-v2, namespace: shop, labels: { app: reviews, version: v2 } }
spec: { containers: [{ name: reviews, image: reviews, ports: [{ containerPort: 9080 }] }] }
`;

interface Policy {
  readonly spec: string;
  readonly name?: string;
  readonly kind?: string;
  readonly annotations?: string;
}

function ask(policies: readonly Policy[], words: string, flags: CheckFlags = {}): CheckJson {
  const documents = policies.map(
    ({ annotations = "{}", kind = "AuthorizationPolicy", name = "p", spec }) => `
apiVersion: security.istio.io/v1
kind: ${kind}
metadata: { name: ${name}, namespace: shop, annotations: ${annotations} }
spec: ${spec}
`,
  );
  const mesh = translate([{ file: "mesh.yaml", text: [SHOP, ...documents].join("---") }]);
  const world = plannedWorld(mesh);
  const asked = { from: "shop/web", to: "reviews.shop:80", ...flags };
  const { problems, questions } = readCheck(["mesh.yaml", ...words.split(" ")], asked);
  expect(problems).toEqual([]);
  const judge = new Judge(world);
  return toJson(
    questions.map((question) => {
      const destinations = destinationsOf(world, question);
      if (typeof destinations === "string") throw new Error(destinations);
      const verdicts = destinations.map((destination) => judge.judge(question, destination));
      return { question, verdicts };
    }),
  );
}

const VIEWERS: Policy = {
  name: "viewers",
  spec: `
  rules:
    - from: [{ source: { principals: [cluster.local/ns/shop/sa/web] } }]
      to: [{ operation: { methods: [GET], paths: [/reviews/*] } }]
    - to: [{ operation: { paths: [/healthz] } }]`,
};

describe("what a pod's sidecar would answer", () => {
  it("is yes where nothing speaks against it", () => {
    const { allowed, verdicts } = ask([], "GET /a");
    expect(allowed).toBe(true);
    expect(verdicts).toMatchObject([
      { verdict: "allow", decidedBy: undefined, notes: ["no policy holds for this workload"] },
    ]);
    expect(verdicts[0]?.pods).toHaveLength(3);
  });

  it("names the rule that lets in, with its line", () => {
    const { verdicts } = ask([VIEWERS], "GET /reviews/1");
    expect(verdicts).toMatchObject([
      {
        verdict: "allow",
        because: "ns[shop]-policy[viewers]-rule[0] matches",
        decidedBy: { name: "viewers", path: "spec.rules[0]", file: "mesh.yaml", line: 29 },
        policies: [
          { action: "ALLOW", matched: true, rules: [{ matched: true }, { matched: false }] },
        ],
      },
    ]);
  });

  it("says of each rule what it lacks, where none lets in", () => {
    const { allowed, verdicts } = ask([VIEWERS], "POST /reviews/1", { from: "else/web" });
    expect(allowed).toBe(false);
    expect(verdicts).toMatchObject([
      {
        verdict: "deny",
        responseCodeDetails: "rbac_access_denied_matched_policy[none]",
        decidedBy: undefined,
      },
    ]);
    expect(verdicts[0]?.policies[0]?.rules.map(({ misses }) => misses)).toEqual([
      ["from[0].source.principals: cluster.local/ns/shop/sa/web", "to[0].operation.methods: GET"],
      ["to[0].operation.paths: /healthz"],
    ]);
  });

  it("names the denial as the access log does", () => {
    const denial = {
      name: "no-admin",
      spec: "{ action: DENY, rules: [{ to: [{ operation: { paths: [/reviews/admin*] } }] }] }",
    };
    const { verdicts } = ask([VIEWERS, denial], "GET /reviews/x/../admin/1");
    expect(verdicts).toMatchObject([
      {
        verdict: "deny",
        decidedBy: { name: "no-admin", path: "spec.rules[0]" },
        responseCodeDetails: "rbac_access_denied_matched_policy[ns[shop]-policy[no-admin]-rule[0]]",
      },
    ]);
  });

  it("tells pods apart that answer otherwise", () => {
    const ofV2 = { spec: "{ selector: { matchLabels: { version: v2 } } }" };
    const { allowed, verdicts } = ask([ofV2], "GET /a");
    expect(allowed).toBe(false);
    expect(verdicts.map(({ pods, verdict }) => [verdict, pods.length])).toEqual([
      ["allow", 2],
      ["deny", 1],
    ]);
  });

  it("asks every port where none is named", () => {
    const { verdicts } = ask([VIEWERS], "GET /healthz", { to: "reviews" });
    expect(verdicts.map(({ to, verdict }) => [to.split(":")[1], verdict])).toEqual([
      ["80", "allow"],
      ["5432", "deny"],
    ]);
    expect(verdicts[1]?.notes).toContain(
      "the port is TCP: what is judged is the connection, not the request",
    );
    expect(verdicts[1]?.policies[0]?.rules[0]?.misses).toEqual(["a request, and the port is TCP"]);
  });

  it("is no for whoever is outside, where mTLS is a must", () => {
    const strict = {
      kind: "PeerAuthentication",
      name: "strict",
      spec: "{ mtls: { mode: STRICT } }",
    };
    const { verdicts } = ask([strict], "GET /a", { from: "outside,shop/web" });
    expect(verdicts).toMatchObject([
      {
        verdict: "deny",
        from: "outside",
        decidedBy: { kind: "PeerAuthentication", name: "strict", line: 27 },
      },
      { verdict: "allow", from: "shop/web" },
    ]);
  });

  it("knows nobody where mTLS is off", () => {
    const off = { kind: "PeerAuthentication", name: "off", spec: "{ mtls: { mode: DISABLE } }" };
    expect(ask([VIEWERS, off], "GET /reviews/1").allowed).toBe(false);
  });

  it("goes by claims, addresses, names and headers", () => {
    const policy = {
      spec: `
  rules:
    - from: [{ source: { requestPrincipals: [me/you], ipBlocks: [10.0.0.0/8] } }]
      to: [{ operation: { hosts: [reviews.shop] } }]
      when:
        - { key: "request.auth.claims[groups]", values: [b] }
        - { key: "request.headers[x-a]", values: [c] }
        - { key: connection.sni, values: [d] }`,
    };
    const flags = {
      jwtClaim: ["iss=me", "sub=you", "groups=a", "groups=b"],
      sourceIp: "10.1.2.3",
      header: ["X-A: c"],
      sni: "d",
    };
    expect(ask([policy], "GET /a", flags).allowed).toBe(true);
    for (const changed of [
      { jwtClaim: ["iss=me", "sub=you"] },
      { sourceIp: "11.1.2.3" },
      { header: [] },
      { header: ["x-a: c", "host: else"] },
      { sni: "e" },
    ]) {
      expect(ask([policy], "GET /a", { ...flags, ...changed }).allowed).toBe(false);
    }
  });

  it("does not hold anybody to a dry run, but tells of it", () => {
    const tried = {
      name: "tried",
      annotations: '{ istio.io/dry-run: "true" }',
      spec: "{ action: DENY, rules: [{}] }",
    };
    const { allowed, verdicts } = ask([tried], "GET /a");
    expect(allowed).toBe(true);
    expect(verdicts[0]?.notes).toEqual(["shop/tried is a dry run: it is counted, not enforced"]);
  });

  it("is read by people, too", () => {
    const text = toText(ask([VIEWERS], "POST /reviews/1")).replaceAll(
      /reviews-v1-\S+/g,
      "reviews-v1-…",
    );
    expect(text).toBe(`deny  shop/web -> reviews.shop.svc.cluster.local:80  POST /reviews/1
    because   there are ALLOW policies, and no rule of theirs matches
    details   rbac_access_denied_matched_policy[none]
    pods      shop/reviews-v1-… and 2 more alike
    policy    ALLOW AuthorizationPolicy shop/viewers (mesh.yaml:24): no match
              rules[0] (line 29) wants to[0].operation.methods: GET
              rules[1] (line 31) wants to[0].operation.paths: /healthz
`);
  });
});

describe("where a question leads", () => {
  const world = plannedWorld(translate([{ file: "mesh.yaml", text: SHOP }]));
  const asked = (to: string) => {
    const { questions } = readCheck(["m", "GET", "/"], { from: "shop/web", to });
    const [question] = questions;
    return question && destinationsOf(world, question);
  };

  it.each(["reviews", "reviews.shop", "reviews.shop.svc.cluster.local", "shop/reviews"])(
    "%s is the service",
    (to) => expect(asked(to)).toHaveLength(6),
  );

  it.each([
    ["revews", "there is no service revews; there are reviews.shop.svc.cluster.local"],
    ["reviews:81", "reviews.shop.svc.cluster.local has no port 81; it has 80, 5432"],
  ])("%s is nowhere", (to, why) => expect(asked(to)).toBe(why));
});
