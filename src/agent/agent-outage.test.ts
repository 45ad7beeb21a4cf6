import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AgentScene, HOUR_MS, leafOf, rootsIn } from "../../test/support/agent-scene.ts";
import { TestAuthority } from "../../test/support/certificates.ts";
import { Registry } from "../metrics/registry.ts";
import type { Agent, HeldCertificate } from "./agent.ts";

let scene: AgentScene;

beforeEach(async () => {
  scene = await AgentScene.open();
});

afterEach(() => {
  scene.close();
});

describe("without an authority", () => {
  it("an agent asks again with growing pauses, and no longer ones than ten seconds", async () => {
    scene.tokens = Array.from({ length: 1000 }, (_, i) => `${i}`);
    scene.authority.misbehaviour = "is unavailable";
    await scene.started();
    await scene.pass(2000, 50);
    expect(scene.authority.asked.length).toBeGreaterThan(2);
    expect(scene.authority.asked.length).toBeLessThan(6);
    const before = scene.authority.asked.length;
    await scene.pass(60_000, 500);
    expect(scene.authority.asked.length - before).toBeGreaterThanOrEqual(6);
    expect(scene.authority.asked.length - before).toBeLessThan(16);
  });

  it("the same failure is told once a minute, and each step towards the end once", async () => {
    await scene.started();
    scene.authority.misbehaviour = "is unavailable";
    scene.notices = [];
    await scene.pass(HOUR_MS + 60_000, 1000);
    const told = scene.notices.filter((notice) => notice.includes("not now"));
    expect(told.length).toBeGreaterThan(20);
    expect(told.length).toBeLessThan(35);
    expect(told[0]).toMatch(/\(not now\); again in \d+ ms; the one in use expires in 3\dm/);
    const steps = scene.notices.filter((notice) => notice.startsWith("the certificate of"));
    expect(steps).toHaveLength(3);
    expect(steps[0]).toMatch(/expires in 15m/);
    expect(steps[1]).toMatch(/expires in 6m/);
    expect(steps[2]).toMatch(/has expired at .*: peers refuse it/);
  });

  it("a refused token is told of where there is no certificate to fall back on", async () => {
    scene.authority.misbehaviour = "refuses";
    let refused = 0;
    const onTokenRefused = (): number => refused++;
    await scene.started({ onTokenRefused });
    expect(refused).toBe(1);
  });

  it("a refused token is not told of where there is a certificate, or no answer", async () => {
    let refused = 0;
    const onTokenRefused = (): number => refused++;
    scene.authority.misbehaviour = "is unavailable";
    scene.tokens = ["a", "b", "c"];
    await scene.started({ onTokenRefused });
    scene.authority.misbehaviour = undefined;
    await scene.pass(2000);
    scene.authority.misbehaviour = "refuses";
    await scene.pass(0.9 * HOUR_MS);
    expect(scene.authority.asked.length).toBeGreaterThan(3);
    expect(refused).toBe(0);
  });

  it("an expired certificate is shown no more: only a new token helps", async () => {
    const agent = await scene.started();
    scene.authority.misbehaviour = "is unavailable";
    await scene.pass(2 * HOUR_MS, 60_000);
    scene.authority.misbehaviour = undefined;
    scene.authority.asked.length = 0;
    await scene.pass(60_000, 1000);
    expect(scene.authority.asked).toEqual([]);
    expect(scene.notices.at(-1)).toContain("there is no token to ask with");
    scene.tokens = ["second token"];
    await scene.pass(20_000, 1000);
    expect(scene.authority.asked.map(({ token }) => token)).toEqual(["second token"]);
    expect(leafOf(agent)?.validToDate.getTime()).toBeGreaterThan(scene.clock.wall());
  });

  it("a refused certificate gives way to a token, and that to the certificate", async () => {
    await scene.started();
    scene.authority.misbehaviour = "refuses";
    scene.tokens = ["second token"];
    scene.authority.asked.length = 0;
    await scene.pass(0.7 * HOUR_MS, 60_000);
    const shown = scene.authority.asked.map(({ token }) => token || "certificate");
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
    writeFileSync(path, scene.authority.bundle);
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("are taken over when they change, and a certificate of theirs is asked for", async () => {
    const agent = await scene.started({ roots: { kind: "file", path } });
    const next = await TestAuthority.create("next");
    writeFileSync(path, `${scene.authority.root.pem}${next.pem}`);
    scene.authority.root = next;
    scene.authority.bundle = next.pem;
    await scene.pass(2500, 500);
    expect(rootsIn(agent.secrets.current("ROOTCA"))).toBe(2);
    await scene.pass(6000, 500);
    expect(leafOf(agent)?.verify(new X509Certificate(next.pem).publicKey)).toBe(true);
    writeFileSync(path, next.pem);
    await scene.pass(2500, 500);
    expect(rootsIn(agent.secrets.current("ROOTCA"))).toBe(1);
  });

  it.each([
    { text: "", says: "holds no certificate" },
    { text: undefined, says: "does not exist" },
  ])("stay as they were where $says", async ({ text, says }) => {
    const agent = await scene.started({ roots: { kind: "file", path } });
    if (text === undefined) rmSync(path);
    else writeFileSync(path, text);
    await scene.pass(2500, 500);
    expect(rootsIn(agent.secrets.current("ROOTCA"))).toBe(1);
    expect(scene.notices.at(-1)).toBe(`the last good roots stay: ${path} ${says}`);
  });

  it("that cannot be used at the start are an error, as is a plain certificate", async () => {
    writeFileSync(path, "");
    const roots = { kind: "file", path } as const;
    expect(() => scene.agentOf({ roots })).toThrow(`${path} holds no certificate`);
    writeFileSync(path, (await scene.authority.root.issue()).chain);
    scene.registry = new Registry();
    expect(() => scene.agentOf({ roots })).toThrow(
      `${path} holds a certificate that is no authority's`,
    );
  });
});

describe("a successor", () => {
  function heldBy(agent: Agent): HeldCertificate {
    const { held } = agent;
    if (held === undefined) throw new Error("nothing is held");
    return held;
  }

  it("goes on with its predecessor's certificate, and asks nobody before its time", async () => {
    const first = await scene.started();
    scene.registry = new Registry();
    const second = await scene.started({ held: heldBy(first) });
    expect(scene.authority.asked).toHaveLength(1);
    expect(leafOf(second)?.fingerprint256).toBe(leafOf(first)?.fingerprint256);
    first.stop();
    await scene.pass(0.6 * HOUR_MS);
    expect(scene.authority.asked.at(-1)?.token).toBe("");
    expect(scene.authority.asked).toHaveLength(2);
  });

  it("asks for itself where that certificate cannot be used", async () => {
    const first = await scene.started();
    const held = heldBy(first);
    await scene.pass(2 * HOUR_MS, 2 * HOUR_MS);
    first.stop();
    scene.registry = new Registry();
    scene.tokens = ["second token"];
    await scene.started({ held });
    expect(scene.notices.join("\n")).toContain(
      "the predecessor's certificate is not used: it has expired",
    );
    expect(scene.authority.asked.at(-1)?.token).toBe("second token");
  });
});
