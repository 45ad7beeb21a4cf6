import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Checked, type CheckFlags, check } from "./check.ts";

const SHOP = `
apiVersion: v1
kind: Service
metadata: { name: ratings }
spec: { selector: { app: ratings }, ports: [{ name: http, port: 80 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: ratings, labels: { app: ratings } }
spec: { containers: [{ name: ratings, image: ratings, ports: [{ containerPort: 80 }] }] }
`;
const BREAKER = `
apiVersion: outrigger.dev/v1alpha1
kind: CircuitBreaker
metadata: { name: ratings }
spec: { targetRefs: [{ kind: Service, name: ratings }] }
`;
const TRAP = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ratings }
spec:
  hosts: [ratings]
  http:
    - route: [{ destination: { host: ratings } }]
      retries: { attempts: 2, retryOn: 5xx }
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "check-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function checked(
  files: Readonly<Record<string, string>>,
  flags: CheckFlags = {},
): Promise<Checked> {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return check([folder], flags);
}

describe("outrigger check", () => {
  it("has nothing to say of what is right", async () => {
    const { status, text } = await checked({ "a.yaml": SHOP, "b.yaml": BREAKER }, { strict: true });
    expect(text).toBe("0 errors, 0 warnings, 0 notes\n");
    expect(status).toBe(0);
  });

  it("says of each warning where it is, why, and what to do", async () => {
    const { status, text } = await checked({ "a.yaml": SHOP, "b.yaml": TRAP });
    expect(text.replaceAll(folder, "")).toBe(`\
/b.yaml:8:7: warning OUT0811: A POST may be executed twice: after 5xx nobody knows whether the \
service did its work before it failed
    at       VirtualService default/ratings spec.http[0]
    found    retryOn 5xx, for every method
    allowed  methods that may be repeated, or conditions before the request is sent
    hint     match method GET in a rule of its own, or retry on connect-failure,refused-stream
0 errors, 1 warning, 0 notes
`);
    expect(status).toBe(0);
  });

  it("fails for warnings where it is strict", async () => {
    expect((await checked({ "a.yaml": SHOP, "b.yaml": TRAP }, { strict: true })).status).toBe(1);
  });

  it("fails for errors, and finds the traps beside them", async () => {
    const wrong = BREAKER.replace("name: ratings }] }", "name: rating }], windows: {} }");
    const { status, text } = await checked({ "a.yaml": SHOP, "b.yaml": wrong, "c.yaml": TRAP });
    expect(text.match(/(OUT0[0-9]+)/g)).toEqual(["OUT0701", "OUT0106", "OUT0811"]);
    expect(status).toBe(2);
  });

  it("fails for a folder without files, and for paths that are not there", async () => {
    expect((await check([join(folder, "nothing")], {})).status).toBe(2);
  });

  it("prints JSON for builds", async () => {
    const { text } = await checked({ "a.yaml": SHOP, "b.yaml": TRAP }, { output: "json" });
    const { findings, summary } = JSON.parse(text);
    expect(summary).toEqual({ errors: 0, warnings: 1, notes: 0 });
    expect(findings).toMatchObject([
      {
        code: "OUT0811",
        severity: "warning",
        file: join(folder, "b.yaml"),
        line: 8,
        object: "VirtualService default/ratings",
        path: "spec.http[0]",
      },
    ]);
  });

  it("says what real Envoys leave out where sidecars are such", async () => {
    const files = { "a.yaml": SHOP, "b.yaml": BREAKER };
    const { status, text } = await checked(files, { envoy: true, strict: true });
    expect(text).toContain("OUT0705: Envoy has no circuits");
    expect(status).toBe(1);
  });

  it("knows no other form", async () => {
    expect(await checked({}, { output: "yaml" })).toEqual({
      status: 2,
      text: "",
      problem: "-o yaml: text or json",
    });
  });
});
