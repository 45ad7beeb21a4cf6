/** An agent and the control plane's own authority, over their port with TLS. */
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Agent } from "../../src/agent/agent.ts";
import { systemClock } from "../../src/base/clock.ts";
import { systemRandom } from "../../src/base/random.ts";
import { startControl } from "../../src/control/main.ts";
import type { ControlSecurity, RunningControl } from "../../src/control/running-control.ts";
import { Registry } from "../../src/metrics/registry.ts";
import { socketAddress } from "../../src/model/address.ts";
import { rootsIn } from "../support/agent-scene.ts";
import { eventually } from "../support/envoy-process.ts";
import { folderOf, serviceYaml } from "../support/outrigger.ts";

const IDENTITY = { namespace: "default", serviceAccount: "reviews" };
const LIFETIME_MS = 4000;
/** Longer than half of a life: every agent learns of the next root before it signs. */
const OVERLAP_MS = 4000;

let mesh: string;
let caDir: string;
let control: RunningControl;
let agent: Agent | undefined;
let notices: string[];

beforeEach(async () => {
  mesh = folderOf({ "mesh.yaml": serviceYaml("reviews", ["v1"]) });
  caDir = mkdtempSync(join(tmpdir(), "outrigger-ca-"));
  notices = [];
  const address = socketAddress("127.0.0.1", 0);
  const lives = { validityMs: LIFETIME_MS, overlapMs: OVERLAP_MS };
  const secure = { address, caDir, audit: () => undefined, ...lives };
  const started = await startControl({ paths: [mesh], httpAddress: address, secure, watch: false });
  if (started.kind === "refused") throw new Error("the mesh is refused");
  control = started.control;
});

afterEach(async () => {
  agent?.stop();
  await control.stop();
  rmSync(mesh, { recursive: true, force: true });
  rmSync(caDir, { recursive: true, force: true });
});

function security(): ControlSecurity {
  if (control.security === undefined) throw new Error("there is no authority");
  return control.security;
}

function start(token: string): Agent {
  const { address, bundle } = security();
  agent = new Agent({
    authority: { address, name: undefined },
    roots: { kind: "text", pem: bundle.roots },
    readToken: () => token,
    identity: "spiffe://cluster.local/ns/default/sa/reviews",
    lifetimeMs: LIFETIME_MS,
    registry: new Registry(),
    clock: systemClock,
    random: systemRandom,
    onNotice: (notice) => notices.push(notice),
  });
  agent.start();
  return agent;
}

function leafOf(of: Agent): X509Certificate | undefined {
  return of.held === undefined ? undefined : new X509Certificate(of.held.chain);
}

it("a join token is good for one certificate, and the certificate for all later ones", async () => {
  const of = start(security().joinToken(IDENTITY));
  await eventually("a certificate", async () => leafOf(of) !== undefined);
  const first = leafOf(of);
  await eventually("another", async () => leafOf(of)?.serialNumber !== first?.serialNumber);
  expect(leafOf(of)?.subjectAltName).toBe(first?.subjectAltName);
  expect(notices.filter((notice) => notice.startsWith("no certificate"))).toEqual([]);
});

it("a token of somebody else brings no certificate", async () => {
  const other = { namespace: "default", serviceAccount: "ratings" };
  const of = start(security().joinToken(other));
  await eventually("the refusal", async () => notices.length > 0);
  expect(notices[0]).toContain("is for spiffe://cluster.local/ns/default/sa/ratings");
  expect(of.secrets.current("default")).toBeUndefined();
});

it("another root is learned before it signs, and nothing fails meanwhile", async () => {
  const of = start(security().joinToken(IDENTITY));
  await eventually("a certificate", async () => leafOf(of) !== undefined);
  const before = security().bundle.roots;
  security().rotateRoot();
  await eventually("both roots", async () => rootsIn(of.secrets.current("ROOTCA")) === 2);
  const [next] = security()
    .bundle.roots.split(/(?=-----BEGIN)/)
    .filter((root) => !before.includes(root.trim()));
  const key = new X509Certificate(next ?? "").publicKey;
  await eventually("one of the next root", async () => leafOf(of)?.verify(key) === true);
  expect(notices.filter((notice) => notice.startsWith("no certificate"))).toEqual([]);
});
