import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TestAuthority } from "../../test/support/certificates.ts";
import {
  type Misbehaviour,
  TEST_IDENTITY,
  TinyAuthority,
} from "../../test/support/tiny-authority.ts";
import { VirtualClock } from "../base/clock.ts";
import { SeededRandom } from "../base/random.ts";
import { Registry } from "../metrics/registry.ts";
import { renderPrometheus } from "../metrics/text-format.ts";
import { socketAddress } from "../model/address.ts";
import type { Secret } from "../model/transport/secret.ts";
import { Agent, type AgentOptions, type HeldCertificate } from "./agent.ts";
import { type AskCertificate, Refused } from "./issuance/certificate-client.ts";

const HOUR_MS = 3_600_000;

let clock: VirtualClock;
let authority: TinyAuthority;
let registry: Registry;
let notices: string[];
let agents: Agent[];
let tokens: string[];
/** Settles when the questions asked so far have been answered. */
let answered: Promise<unknown>;

beforeEach(async () => {
  clock = new VirtualClock(Date.now());
  authority = await TinyAuthority.create(() => clock.wall());
  registry = new Registry();
  notices = [];
  agents = [];
  tokens = ["first token"];
  answered = Promise.resolve();
});

afterEach(() => {
  for (const agent of agents) agent.stop();
});

/** The authority without a network between: its refusals as the client tells them. */
const ask: AskCertificate = async ({ csr, lifetimeMs, credential }) => {
  const { kind } = credential;
  const token = kind === "token" ? credential.token : "";
  const clientSerial =
    kind === "certificate" ? new X509Certificate(credential.chain).serialNumber : "";
  const answer = authority.answer(csr, lifetimeMs / 1000, { token, clientSerial });
  answered = answer.catch(() => undefined);
  try {
    return await answer;
  } catch (error) {
    const { rawMessage } = error as { rawMessage: string };
    throw rawMessage === "who are you?" ? new Refused(rawMessage) : new Error(rawMessage);
  }
};

function agentOf(options: Partial<AgentOptions> = {}): Agent {
  const agent = new Agent({
    authority: { address: socketAddress("127.0.0.1", 1), name: undefined },
    roots: { kind: "text", pem: authority.bundle },
    readToken: () => tokens.shift(),
    registry,
    clock,
    random: new SeededRandom(1),
    onNotice: (notice) => notices.push(notice),
    ask,
    ...options,
  });
  agents.push(agent);
  return agent;
}

async function settle(): Promise<void> {
  await answered;
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

/** Moves on as a machine would: what was asked is answered before more time passes. */
async function pass(durationMs: number, stepMs = durationMs / 50): Promise<void> {
  for (let passed = 0; passed < durationMs; passed += stepMs) {
    clock.advance(stepMs);
    await settle();
  }
}

async function started(options: Partial<AgentOptions> = {}): Promise<Agent> {
  const agent = agentOf(options);
  agent.start();
  await settle();
  return agent;
}

function chainOf(agent: Agent): X509Certificate | undefined {
  const secret = agent.secrets.current("default");
  return secret?.kind === "certificate"
    ? new X509Certificate(textOf(secret.certificate.certificateChain))
    : undefined;
}

function rootsOf(secret: Secret | undefined): number {
  if (secret?.kind !== "validation" || secret.validation.trustedCa === undefined) return 0;
  return textOf(secret.validation.trustedCa).split("BEGIN CERTIFICATE").length - 1;
}

function textOf(source: { kind: string; text?: string }): string {
  return source.text ?? "";
}

function metric(name: string): number {
  const lines = [...renderPrometheus(registry)].join("").split("\n");
  return Number(
    lines
      .find((line) => line.startsWith(name))
      ?.split(" ")
      .at(-1),
  );
}

describe("an agent", () => {
  it("shows its token once, and holds the certificate with its key and the roots", async () => {
    const agent = await started();
    expect(authority.asked).toEqual([
      { token: "first token", clientSerial: "", lifetimeS: 86_400 },
    ]);
    const secret = agent.secrets.current("default");
    if (secret?.kind !== "certificate") throw new Error("no certificate");
    const certificate = chainOf(agent);
    expect(certificate?.subjectAltName).toBe(`URI:${TEST_IDENTITY}`);
    expect(textOf(secret.certificate.privateKey)).toContain("BEGIN PRIVATE KEY");
    expect(rootsOf(agent.secrets.current("ROOTCA"))).toBe(1);
    expect(agent.secrets.current("other")).toBeUndefined();
  });

  it("believes the pinned roots before it has a certificate", () => {
    authority.misbehaviour = "answers nothing";
    const agent = agentOf();
    agent.start();
    expect(rootsOf(agent.secrets.current("ROOTCA"))).toBe(1);
    expect(agent.secrets.current("default")).toBeUndefined();
  });

  it("renews at half life by the certificate that it has, with a new key", async () => {
    const agent = await started();
    const first = chainOf(agent);
    await pass(0.44 * HOUR_MS);
    expect(authority.asked).toHaveLength(1);
    await pass(0.08 * HOUR_MS);
    expect(authority.asked.slice(1)).toEqual([
      { token: "", clientSerial: first?.serialNumber, lifetimeS: 86_400 },
    ]);
    expect(chainOf(agent)?.publicKey.equals(first?.publicKey as never)).toBe(false);
  });

  it("tells who listens once for each secret that changed, and not after they have left", async () => {
    const agent = agentOf();
    const heard: string[] = [];
    const leave = agent.secrets.onChange((name) => heard.push(name));
    agent.start();
    await settle();
    expect(heard).toEqual(["ROOTCA", "default"]);
    await pass(0.6 * HOUR_MS);
    expect(heard).toEqual(["ROOTCA", "default", "default"]);
    leave();
    await pass(0.6 * HOUR_MS);
    expect(heard).toHaveLength(3);
  });

  it("asks nobody after it was stopped", async () => {
    const agent = await started();
    agent.stop();
    await pass(2 * HOUR_MS);
    expect(authority.asked).toHaveLength(1);
  });

  it("counts what it does under Linkerd's and Istio's names", async () => {
    await started();
    const now = clock.wall() / 1000;
    expect(metric("control_identity_cert_refreshes_total")).toBe(1);
    expect(metric("control_identity_cert_refresh_timestamp_seconds")).toBeCloseTo(now, 0);
    const end = metric("control_identity_cert_expiration_timestamp_seconds");
    expect(end).toBeGreaterThan(now + 3590);
    const left = metric('istio_agent_cert_expiry_seconds{resource_name="default"}');
    expect(left).toBeCloseTo(end - now, 3);
    expect(metric('istio_agent_cert_expiry_seconds{resource_name="ROOTCA"}')).toBeGreaterThan(0);
    expect(metric("istio_agent_num_outgoing_requests")).toBe(1);
    expect(metric("istio_agent_num_failed_outgoing_requests")).toBe(0);
  });

  it("puts no key and no token into its log", async () => {
    authority.misbehaviour = "refuses";
    tokens = ["first token", "second token", "third token"];
    const agent = await started();
    authority.misbehaviour = undefined;
    await pass(5000);
    expect(chainOf(agent)).toBeDefined();
    expect(notices.join("\n")).not.toMatch(/token"|first|second|third|PRIVATE|BEGIN/);
  });
});

describe("an answer", () => {
  const cases: { misbehaviour: Misbehaviour; says: string }[] = [
    { misbehaviour: "sends garbage", says: "holds a certificate that cannot be read" },
    { misbehaviour: "sends no certificate", says: "holds no certificate" },
    { misbehaviour: "names somebody else", says: "spiffe://cluster.local/ns/admin/sa/root" },
    { misbehaviour: "names nobody", says: "has no SPIFFE ID as its only URI" },
    { misbehaviour: "certifies another key", says: "is for another key" },
    { misbehaviour: "signs with an unknown root", says: "leads to no root that is trusted here" },
    { misbehaviour: "issues expired ones", says: "has expired at" },
    { misbehaviour: "issues future ones", says: "is not valid before" },
    { misbehaviour: "refuses", says: "who are you?" },
    { misbehaviour: "is unavailable", says: "not now" },
  ];
  it.each(cases)(
    "of an authority that $misbehaviour is not used, then a good one is",
    async (each) => {
      tokens = ["a", "b", "c"];
      authority.misbehaviour = each.misbehaviour;
      const agent = await started({ identity: TEST_IDENTITY });
      expect(agent.secrets.current("default")).toBeUndefined();
      expect(notices.join("\n")).toContain(each.says);
      authority.misbehaviour = undefined;
      await pass(5000);
      expect(chainOf(agent)?.subjectAltName).toBe(`URI:${TEST_IDENTITY}`);
    },
  );

  it.each(cases)(
    "of an authority that $misbehaviour leaves the last good one alone",
    async (each) => {
      const agent = await started({ identity: TEST_IDENTITY });
      const first = chainOf(agent);
      authority.misbehaviour = each.misbehaviour;
      await pass(3 * HOUR_MS, 60_000);
      expect(chainOf(agent)?.fingerprint256).toBe(first?.fingerprint256);
      expect(notices.join("\n")).toContain("has expired at");
      authority.misbehaviour = undefined;
      tokens = ["another"];
      await pass(20_000);
      expect(chainOf(agent)?.fingerprint256).not.toBe(first?.fingerprint256);
    },
  );

  it("with a root that a known one vouches for is how roots are learned", async () => {
    const agent = await started();
    const next = await TestAuthority.create("next");
    authority.bundle = `${authority.root.pem}${next.pem}`;
    await pass(0.6 * HOUR_MS);
    expect(rootsOf(agent.secrets.current("ROOTCA"))).toBe(2);
    authority.root = next;
    authority.bundle = next.pem;
    await pass(0.6 * HOUR_MS);
    expect(rootsOf(agent.secrets.current("ROOTCA"))).toBe(1);
    expect(chainOf(agent)?.verify(new X509Certificate(next.pem).publicKey)).toBe(true);
  });

  it("of a root that nobody vouches for teaches nothing", async () => {
    const agent = await started();
    const next = await TestAuthority.create("next");
    authority.root = next;
    authority.bundle = next.pem;
    await pass(0.6 * HOUR_MS);
    expect(rootsOf(agent.secrets.current("ROOTCA"))).toBe(1);
    expect(notices.at(-1)).toContain("leads to no root that is trusted here");
  });

  it("through an intermediate keeps it in the chain", async () => {
    const { root } = authority;
    authority.root = await root.intermediate("between");
    authority.bundle = root.pem;
    const agent = await started();
    const secret = agent.secrets.current("default");
    if (secret?.kind !== "certificate") throw new Error("no certificate");
    const text = textOf(secret.certificate.certificateChain);
    expect(text.split("BEGIN CERTIFICATE").length - 1).toBe(2);
  });
});

describe("without an authority", () => {
  it("an agent asks again with growing pauses, and no longer ones than ten seconds", async () => {
    tokens = Array.from({ length: 1000 }, (_, i) => `${i}`);
    authority.misbehaviour = "is unavailable";
    await started();
    await pass(2000, 50);
    expect(authority.asked.length).toBeGreaterThan(2);
    expect(authority.asked.length).toBeLessThan(6);
    const before = authority.asked.length;
    await pass(60_000, 500);
    expect(authority.asked.length - before).toBeGreaterThanOrEqual(6);
    expect(authority.asked.length - before).toBeLessThan(16);
  });

  it("the same failure is told once a minute, and each step towards the end once", async () => {
    await started();
    authority.misbehaviour = "is unavailable";
    notices = [];
    await pass(HOUR_MS + 60_000, 1000);
    const told = notices.filter((notice) => notice.includes("not now"));
    expect(told.length).toBeGreaterThan(20);
    expect(told.length).toBeLessThan(35);
    expect(told[0]).toMatch(/\(not now\); again in \d+ ms; the one in use expires in 3\dm/);
    const steps = notices.filter((notice) => notice.startsWith("the certificate of"));
    expect(steps).toHaveLength(3);
    expect(steps[0]).toMatch(/expires in 15m/);
    expect(steps[1]).toMatch(/expires in 6m/);
    expect(steps[2]).toMatch(/has expired at .*: peers refuse it/);
  });

  it("an expired certificate is shown no more: only a new token helps", async () => {
    const agent = await started();
    authority.misbehaviour = "is unavailable";
    await pass(2 * HOUR_MS, 60_000);
    authority.misbehaviour = undefined;
    authority.asked.length = 0;
    await pass(60_000, 1000);
    expect(authority.asked).toEqual([]);
    expect(notices.at(-1)).toContain("there is no token to ask with");
    tokens = ["second token"];
    await pass(20_000, 1000);
    expect(authority.asked.map(({ token }) => token)).toEqual(["second token"]);
    expect(chainOf(agent)?.validToDate.getTime()).toBeGreaterThan(clock.wall());
  });

  it("a refused certificate gives way to a token, and that to the certificate", async () => {
    await started();
    authority.misbehaviour = "refuses";
    tokens = ["second token"];
    authority.asked.length = 0;
    await pass(0.7 * HOUR_MS, 60_000);
    const shown = authority.asked.map(({ token }) => token || "certificate");
    expect(shown.slice(0, 4)).toEqual([
      "certificate",
      "second token",
      "certificate",
      "certificate",
    ]);
  });
});

describe("roots in a file", () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "outrigger-agent-"));
    path = join(folder, "root.pem");
    writeFileSync(path, authority.bundle);
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("are taken over when they change, and a certificate of theirs is asked for", async () => {
    const agent = await started({ roots: { kind: "file", path } });
    const next = await TestAuthority.create("next");
    writeFileSync(path, `${authority.root.pem}${next.pem}`);
    authority.root = next;
    authority.bundle = next.pem;
    await pass(2500, 500);
    expect(rootsOf(agent.secrets.current("ROOTCA"))).toBe(2);
    await pass(6000, 500);
    expect(chainOf(agent)?.verify(new X509Certificate(next.pem).publicKey)).toBe(true);
    writeFileSync(path, next.pem);
    await pass(2500, 500);
    expect(rootsOf(agent.secrets.current("ROOTCA"))).toBe(1);
  });

  it.each([
    { text: "", says: "holds no certificate" },
    { text: undefined, says: "does not exist" },
  ])("stay as they were where $says", async ({ text, says }) => {
    const agent = await started({ roots: { kind: "file", path } });
    if (text === undefined) rmSync(path);
    else writeFileSync(path, text);
    await pass(2500, 500);
    expect(rootsOf(agent.secrets.current("ROOTCA"))).toBe(1);
    expect(notices.at(-1)).toBe(`the last good roots stay: ${path} ${says}`);
  });

  it("that cannot be used at the start are an error, as is a certificate of no authority", async () => {
    writeFileSync(path, "");
    const roots = { kind: "file", path } as const;
    expect(() => agentOf({ roots })).toThrow(`${path} holds no certificate`);
    writeFileSync(path, (await authority.root.issue()).chain);
    registry = new Registry();
    expect(() => agentOf({ roots })).toThrow(`${path} holds a certificate that is no authority's`);
  });
});

describe("a successor", () => {
  function heldBy(agent: Agent): HeldCertificate {
    const { held } = agent;
    if (held === undefined) throw new Error("nothing is held");
    return held;
  }

  it("goes on with its predecessor's certificate, and asks nobody before its time", async () => {
    const first = await started();
    registry = new Registry();
    const second = await started({ held: heldBy(first) });
    expect(authority.asked).toHaveLength(1);
    expect(chainOf(second)?.fingerprint256).toBe(chainOf(first)?.fingerprint256);
    first.stop();
    await pass(0.6 * HOUR_MS);
    expect(authority.asked.at(-1)?.token).toBe("");
    expect(authority.asked).toHaveLength(2);
  });

  it("asks for itself where that certificate cannot be used", async () => {
    const first = await started();
    const held = heldBy(first);
    await pass(2 * HOUR_MS, 2 * HOUR_MS);
    first.stop();
    registry = new Registry();
    tokens = ["second token"];
    await started({ held });
    expect(notices.join("\n")).toContain(
      "the predecessor's certificate is not used: it has expired",
    );
    expect(authority.asked.at(-1)?.token).toBe("second token");
  });
});
