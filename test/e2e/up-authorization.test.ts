import { rmSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import type { CheckJson } from "../../src/cli/authz/report.ts";
import { folderOf, outrigger } from "../support/outrigger.ts";
import { describeWith } from "../support/tools.ts";

const folder = folderOf({
  "reviews.yaml": `
apiVersion: v1
kind: Service
metadata: { name: reviews, namespace: shop }
spec: { selector: { app: reviews }, ports: [{ name: http, port: 9080 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: reviews, namespace: shop, labels: { app: reviews } }
spec: { containers: [{ name: reviews, image: reviews, ports: [{ containerPort: 9080 }] }] }
`,
  "policies.yaml": `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: readers, namespace: shop }
spec:
  rules:
    - from: [{ source: { principals: [cluster.local/ns/shop/sa/web] } }]
      to: [{ operation: { methods: [GET], paths: [/reviews/*] } }]
    - to: [{ operation: { paths: [/healthz] } }]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: no-admin, namespace: istio-system }
spec:
  action: DENY
  rules:
    - to: [{ operation: { paths: [/reviews/admin*], ports: ["9080"] } }]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: tried, namespace: shop, annotations: { istio.io/dry-run: "true" } }
spec: { action: DENY, rules: [{ to: [{ operation: { paths: [/reviews/1] } }] }] }
`,
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Asked {
  readonly request: string;
  readonly allowed: boolean;
  /** `%RESPONSE_CODE_DETAILS%` of a refusal. */
  readonly details: string;
}

const NO_ADMIN = "rbac_access_denied_matched_policy[ns[istio-system]-policy[no-admin]-rule[0]]";
const NONE = "rbac_access_denied_matched_policy[none]";

const OF_WEB: readonly Asked[] = [
  { request: "GET /reviews/1", allowed: true, details: "" },
  { request: "POST /reviews/1", allowed: false, details: NONE },
  { request: "GET /reviews/admin", allowed: false, details: NO_ADMIN },
  { request: "GET /reviews/x/../admin/1?a", allowed: false, details: NO_ADMIN },
  { request: "GET /healthz", allowed: true, details: "" },
  { request: "GET /else", allowed: false, details: NONE },
];

const OF_OTHERS: readonly Asked[] = [
  { request: "GET /reviews/1", allowed: false, details: NONE },
  { request: "GET /healthz", allowed: true, details: "" },
];

/** Prints the status of each request, then what the pod's sidecar counts. */
function client(asked: readonly Asked[]): string {
  const requests = asked.map(({ request }) => {
    const [method, path] = request.split(" ");
    const url = `http://reviews.shop:9080${path}`;
    return `curl -sS --path-as-is -o /dev/null -w '%{http_code}\\n' -X ${method} '${url}'`;
  });
  const counted = `curl -sS "$OUTRIGGER_SD" | grep -o '[0-9.]*:15020' | sort -u |
    while read target; do curl -sS "http://$target/stats/prometheus"; done | grep rbac || true`;
  return [...requests, counted].join("\n");
}

describeWith(["curl", "ip", "iptables", "root"], "AuthorizationPolicies in outrigger up", () => {
  const callers = [
    { as: "shop/web", asked: OF_WEB },
    { as: "else/web", asked: OF_OTHERS },
  ];

  describe.each(["intercept", "explicit"])("in %s mode", (mode) => {
    it.each(callers)("hold $as to what authz check says", async ({ as, asked }) => {
      const { stdout, stderr } = await outrigger(
        ["up", "--mode", mode, "--as", as, folder, "--", "sh", "-c", client(asked)],
        "",
      );
      expect(stderr).toContain("ready");
      const statuses = stdout.split("\n").slice(0, asked.length);
      expect(statuses).toEqual(asked.map(({ allowed }) => (allowed ? "200" : "403")));
      if (as === "shop/web") {
        expect(stdout).toMatch(/rbac_policy_denied\{.*no-admin\]-rule\[0\]"\} 2/);
        expect(stdout).toMatch(/shadow_denied\{.*tried\]-rule\[0\]"\} 2/);
      }
      const said = await Promise.all(asked.map(({ request }) => check(as, request)));
      expect(said.map(({ allowed }) => allowed)).toEqual(asked.map(({ allowed }) => allowed));
      const details = said.map(({ verdicts }) => verdicts[0]?.responseCodeDetails);
      expect(details).toEqual(asked.map((each) => each.details));
    });
  });
});

async function check(from: string, request: string): Promise<CheckJson> {
  const asked = ["--from", from, "--to", "reviews.shop:9080", "-o", "json"];
  const line = ["authz", "check", ...asked, folder, ...request.split(" ")];
  return JSON.parse((await outrigger(line, "")).stdout) as CheckJson;
}
