import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import type { CheckJson } from "../src/cli/authz/report.ts";
import { startControl } from "../src/control/main.ts";
import { socketAddress } from "../src/model/address.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "authz-"));
const MESH = join(FOLDER, "mesh.yaml");
const BROKEN = join(FOLDER, "broken.yaml");
writeFileSync(
  MESH,
  `
apiVersion: v1
kind: Service
metadata: { name: reviews, namespace: shop }
spec: { selector: { app: reviews }, ports: [{ name: http, port: 80 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: reviews, namespace: shop, labels: { app: reviews } }
spec: { containers: [{ name: reviews, image: reviews }] }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: readers, namespace: shop }
spec: { rules: [{ to: [{ operation: { methods: [GET] } }] }] }
`,
);
writeFileSync(
  BROKEN,
  `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: p }
spec: { action: DENY }
`,
);
afterAll(() => rmSync(FOLDER, { recursive: true }));

interface Run {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const ENTRY = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));

function check(...words: readonly string[]): Promise<Run> {
  const line = [ENTRY, "authz", "check", "--from", "shop/web", "--to", "reviews", ...words];
  return new Promise((resolve) => {
    execFile(process.execPath, line, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

describe("outrigger authz check", () => {
  it("ends with 0 and says allow, or with 1 and says deny", async () => {
    const [get, post] = await Promise.all([check(MESH, "GET", "/"), check(MESH, "POST", "/")]);
    expect(get).toMatchObject({ status: 0, stderr: "" });
    expect(get.stdout).toMatch(
      /^allow {2}shop\/web -> reviews\.shop\.svc\.cluster\.local:80 {2}GET \/\n/,
    );
    expect(get.stdout).toContain(`AuthorizationPolicy shop/readers spec.rules[0] (${MESH}:15)`);
    expect(post).toMatchObject({ status: 1, stderr: "" });
    expect(post.stdout).toMatch(/^deny {2}/);
  });

  it("ends with 2 where it cannot ask", async () => {
    const [words, configuration, service] = await Promise.all([
      check(MESH),
      check(BROKEN, "GET", "/"),
      check(MESH, "--to", "nobody", "GET", "/"),
    ]);
    expect(words).toMatchObject({ status: 2, stdout: "" });
    expect(configuration).toMatchObject({ status: 2, stdout: "" });
    expect(configuration.stderr).toContain("DENY action without `rules`");
    expect(service).toMatchObject({ status: 2, stdout: "" });
    expect(service.stderr).toContain("there is no service nobody");
  });

  it("asks a running control plane, with the same answer", async () => {
    const started = await startControl({
      paths: [MESH],
      adsAddress: socketAddress("127.0.0.1", 0),
      httpAddress: socketAddress("127.0.0.1", 0),
      watch: false,
    });
    if (started.kind !== "running") throw new Error(JSON.stringify(started.diagnostics));
    try {
      const { host, port } = started.control.httpAddress;
      const json = ["-o", "json", "POST", "/"];
      const [file, running] = await Promise.all([
        check(MESH, ...json),
        check("--control", `http://${host}:${port}`, ...json),
      ]);
      expect(running.status).toBe(1);
      const [own, other] = [file, running].map(({ stdout }) => JSON.parse(stdout) as CheckJson);
      expect(other).toMatchObject({
        allowed: false,
        verdicts: [{ because: own?.verdicts[0]?.because }],
      });
      expect(other?.verdicts[0]?.policies).toEqual(own?.verdicts[0]?.policies);
    } finally {
      await started.control.stop();
    }
  });

  it("says why no control plane answers", async () => {
    const { status, stderr } = await check("--control", "http://127.0.0.1:1", "GET", "/");
    expect(status).toBe(2);
    expect(stderr).toContain("--control http://127.0.0.1:1: ");
  });
});
