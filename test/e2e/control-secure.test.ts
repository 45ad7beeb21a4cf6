/** The control plane's program with an authority, and the commands beside it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type SocketAddress, socketAddress } from "../../src/model/address.ts";
import { askForCertificate } from "../support/certificate-caller.ts";
import { Outrigger, outrigger } from "../support/outrigger.ts";

const SERVICE = `
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ name: http, port: 80 }] }
`;
const LOCAL = ["--ads", "none", "--http", "127.0.0.1:0", "--secure", "127.0.0.1:0"];

interface Scene {
  readonly program: Outrigger;
  readonly caDir: string;
  readonly address: SocketAddress;
}

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), "outrigger-secure-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  writeFileSync(path.join(made, "web.yaml"), SERVICE);
  return made;
}

async function started(): Promise<Scene> {
  const home = folder();
  const caDir = path.join(home, "ca");
  const args = ["control", path.join(home, "web.yaml"), ...LOCAL, "--ca-dir", caDir];
  const program = new Outrigger(args);
  onTestFinished(async () => {
    program.child.kill("SIGTERM");
    await program.ended;
  });
  await program.until(({ stderr }) => stderr.includes("HTTP on"));
  const port = Number(/with TLS, on 127\.0\.0\.1:(\d+)/.exec(program.stderr)?.[1]);
  return { program, caDir, address: socketAddress("127.0.0.1", port) };
}

const rootsOf = (caDir: string): string => readFileSync(path.join(caDir, "root-cert.pem"), "utf8");

it("gives a certificate for a token of the command line, and logs it", async () => {
  const { program, caDir, address } = await started();
  const { stdout, status } = await outrigger(["token", "shop/reviews", "--ca-dir", caDir]);
  expect(status).toBe(0);
  const { leaf } = await askForCertificate({
    address,
    roots: rootsOf(caDir),
    token: stdout.trim(),
  });
  expect(leaf.subjectAltName).toBe("URI:spiffe://cluster.local/ns/shop/sa/reviews");
  await program.until(({ stderr }) => stderr.includes("certificate_issued"));
  expect(program.stderr).not.toContain(stdout.trim());
  expect(program.stderr).not.toContain("PRIVATE");
});

it("makes another root and revokes, where it is asked to", async () => {
  const { program, caDir, address } = await started();
  const { stdout } = await outrigger(["token", "shop/reviews", "--ca-dir", caDir]);
  await askForCertificate({ address, roots: rootsOf(caDir), token: stdout.trim() });
  expect((await outrigger(["ca", "rotate", "--ca-dir", caDir])).status).toBe(0);
  await program.until(({ stderr }) => stderr.includes("root_announced"));
  await expect.poll(() => rootsOf(caDir).split("BEGIN CERTIFICATE").length).toBe(3);
  expect((await outrigger(["ca", "revoke", "shop/reviews", "--ca-dir", caDir])).status).toBe(0);
  await program.until(({ stderr }) => stderr.includes("certificate_revoked"));
});

describe.each([
  { args: ["--ca-dir", "x"], says: "--ca-dir needs --secure ADDRESS" },
  { args: ["--secure", "127.0.0.1:0"], says: "--secure needs --ca-dir FOLDER" },
  { args: ["--ads", "none"], says: "--ads none needs --secure ADDRESS" },
  {
    args: ["--secure", "127.0.0.1:0", "--ca-dir", "x", "--cert-lifetime", "soon"],
    says: "--cert-lifetime soon: not a duration",
  },
  {
    args: ["--secure", "127.0.0.1:0", "--ca-dir", "x", "--token-review", "http://plain"],
    says: "--token-review http://plain: not https://HOST",
  },
])("outrigger control $args", ({ args, says }) => {
  it(`ends with status 2 and says: ${says}`, async () => {
    const { status, stderr } = await outrigger(["control", folder(), ...args]);
    expect(stderr).toContain(says);
    expect(status).toBe(2);
  });
});

it("says that a plaintext port which others reach asks nobody who they are", async () => {
  const args = ["control", folder(), "--ads", "0.0.0.0:0", "--http", "127.0.0.1:0"];
  const program = new Outrigger(args);
  onTestFinished(async () => {
    program.child.kill("SIGTERM");
    await program.ended;
  });
  await program.until(({ stderr }) => stderr.includes("HTTP on"));
  expect(program.stderr).toContain("is in plaintext and asks nobody who they are");
  expect(program.stderr).toContain("opens the mesh's circuits for all");
});
