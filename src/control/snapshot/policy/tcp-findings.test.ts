import { describe, expect, it } from "vitest";
import { meshOf } from "../../../../test/support/mesh.ts";
import { tcpFindings } from "./tcp-findings.ts";

const SHOP = `
apiVersion: v1
kind: Service
metadata: { name: db }
spec: { selector: { app: db }, ports: [{ name: tcp-sql, port: 5432 }, { name: http, port: 80 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: db, labels: { app: db } }
spec: { containers: [{ name: db, image: db }] }
---
apiVersion: v1
kind: Pod
metadata: { name: web, labels: { app: web } }
spec: { containers: [{ name: web, image: web, ports: [{ containerPort: 80 }] }] }
---
`;

function messages(spec: string): string[] {
  const mesh = meshOf(`${SHOP}
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: p }
spec: ${spec}
`);
  return tcpFindings(mesh).map(({ code, message }) => `${code} ${message}`);
}

describe("ALLOW policies on TCP ports", () => {
  const GET = "{ to: [{ operation: { methods: [GET] } }] }";
  const TOKEN = "{ from: [{ source: { requestPrincipals: ['*'] } }] }";
  const PORT = "{ to: [{ operation: { ports: ['5432'] } }] }";

  it("are reported where none of their rules can match there", () => {
    expect(messages(`{ rules: [${GET}, ${TOKEN}] }`)).toEqual([
      "OUT0311 No rule of this ALLOW policy lets a TCP connection through: " +
        "all ask about requests; port 5432 of default/db carries connections",
    ]);
  });

  it.each([
    ["some rule can match", `{ rules: [${PORT}, ${GET}] }`],
    ["they hold for other pods", `{ selector: { matchLabels: { app: web } }, rules: [${GET}] }`],
    ["they close everything on purpose", "{}"],
    ["they deny", `{ action: DENY, rules: [${GET}] }`],
  ])("are fine where %s", (_, spec) => expect(messages(spec)).toEqual([]));
});
