import { rmSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { folderOf, serviceYaml } from "../support/outrigger.ts";
import { runUp } from "../support/running-up.ts";
import { jwksOf, signingKey, token } from "../support/tokens.ts";
import { describeWith } from "../support/tools.ts";

const OURS = signingKey("ours", "ES256");
const THEIRS = signingKey("theirs", "EdDSA");
const STRANGER = signingKey("ours", "ES256");
const exp = Math.floor(Date.now() / 1000) + 3600;

const folder = folderOf({
  "shop.yaml": serviceYaml("shop", ["v1"]),
  // A service of the mesh has the second issuer's keys; its own sidecar is asked for them.
  "keys.yaml": `
apiVersion: v1
kind: Service
metadata: { name: keys }
spec: { selector: { app: keys }, ports: [{ name: http, port: 8000 }] }
---
apiVersion: v1
kind: Pod
metadata:
  name: keys
  labels: { app: keys }
  annotations: { outrigger.dev/command.keys: exec "$OUTRIGGER_NODE" keys.mjs }
spec: { containers: [{ name: keys, image: keys, ports: [{ containerPort: 8000 }] }] }
`,
  "keys.mjs": `
import http from "node:http";
http.createServer((_, response) => response.end('${jwksOf(THEIRS)}'))
  .listen(Number(process.env.PORT), process.env.HOST);
`,
  "policies.yaml": `
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: tokens }
spec:
  selector: { matchLabels: { app: shop } }
  jwtRules:
    - issuer: https://ours.example
      audiences: [shop]
      jwks: '${jwksOf(OURS)}'
    - issuer: https://theirs.example
      jwksUri: http://keys.default.svc.cluster.local:8000/jwks.json
    - issuer: https://unreachable.example
      jwksUri: https://169.254.169.254/jwks.json
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: members }
spec:
  selector: { matchLabels: { app: shop } }
  action: DENY
  rules:
    - from: [{ source: { notRequestPrincipals: ["*"] } }]
      to: [{ operation: { paths: [/members*] } }]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: admins }
spec:
  selector: { matchLabels: { app: shop } }
  action: DENY
  rules:
    - to: [{ operation: { paths: [/admin*] } }]
      when: [{ key: "request.auth.claims[roles]", notValues: [admin] }]
`,
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const MINE = token({ iss: "https://ours.example", sub: "alice", aud: "shop", exp }, OURS);
const ADMIN = token(
  { iss: "https://ours.example", sub: "root", aud: "shop", exp, roles: ["admin"] },
  OURS,
);
const FORGED = token({ iss: "https://ours.example", sub: "root", aud: "shop", exp }, STRANGER);
const ELSEWHERE = token({ iss: "https://ours.example", sub: "alice", aud: "bank", exp }, OURS);
const OTHERS = token({ iss: "https://theirs.example", sub: "bob", exp }, THEIRS);
const UNREACHABLE = token({ iss: "https://unreachable.example", sub: "eve", exp }, OURS);

/** What a client asks, and what it gets. */
const ASKED: readonly (readonly [path: string, bearer: string, status: string])[] = [
  ["/", "", "200"],
  ["/", MINE, "200"],
  ["/", "bad", "401"],
  ["/", FORGED, "401"],
  ["/", ELSEWHERE, "403"],
  ["/", OTHERS, "200"],
  ["/", UNREACHABLE, "401"],
  ["/members", "", "403"],
  ["/members", MINE, "200"],
  ["/members", OTHERS, "200"],
  ["/admin", MINE, "403"],
  ["/admin", ADMIN, "200"],
];

const CLIENT = ASKED.map(([path, bearer]) => {
  const header = bearer === "" ? "" : `-H 'Authorization: Bearer ${bearer}'`;
  return `curl -sS -o /dev/null -w '%{http_code}\\n' ${header} http://shop:9080${path}`;
}).join("\n");

describeWith(["curl", "ip", "iptables", "root"], "outrigger up", () => {
  describe.each(["intercept", "explicit"])("in %s mode", (mode) => {
    it("believes the tokens that RequestAuthentications name, and no others", async () => {
      const client = ["--", "sh", "-c", CLIENT];
      const args = ["--mode", mode, "--for", "60s", folder, ...client];
      const { stdout, stderr } = await runUp(args, 90_000);
      const wanted = ASKED.map(([, , status]) => status);
      expect(stdout.trim().split("\n"), stderr).toEqual(wanted);
    });
  });
});
