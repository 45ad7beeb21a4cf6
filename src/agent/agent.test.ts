import { X509Certificate } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AgentScene, HOUR_MS, leafOf, rootsIn } from "../../test/support/agent-scene.ts";
import { TestAuthority } from "../../test/support/certificates.ts";
import { type Misbehaviour, TEST_IDENTITY } from "../../test/support/tiny-authority.ts";

let scene: AgentScene;

beforeEach(async () => {
  scene = await AgentScene.open();
});

afterEach(() => {
  scene.close();
});

describe("an agent", () => {
  it("shows its token once, and holds the certificate with its key and the roots", async () => {
    const agent = await scene.started();
    expect(scene.authority.asked).toEqual([
      { token: "first token", clientSerial: "", lifetimeS: 86_400 },
    ]);
    const secret = agent.secrets.current("default");
    if (secret?.kind !== "certificate") throw new Error("no certificate");
    const certificate = leafOf(agent);
    expect(certificate?.subjectAltName).toBe(`URI:${TEST_IDENTITY}`);
    const key = expect.stringContaining("BEGIN PRIVATE KEY");
    expect(secret.certificate.privateKey).toEqual({ kind: "inline", text: key });
    expect(rootsIn(agent.secrets.current("ROOTCA"))).toBe(1);
    expect(agent.secrets.current("other")).toBeUndefined();
  });

  it("believes the pinned roots before it has a certificate", () => {
    scene.authority.misbehaviour = "answers nothing";
    const agent = scene.agentOf();
    agent.start();
    expect(rootsIn(agent.secrets.current("ROOTCA"))).toBe(1);
    expect(agent.secrets.current("default")).toBeUndefined();
  });

  it("renews at half life by the certificate that it has, with a new key", async () => {
    const agent = await scene.started();
    const first = leafOf(agent);
    await scene.pass(0.44 * HOUR_MS);
    expect(scene.authority.asked).toHaveLength(1);
    await scene.pass(0.08 * HOUR_MS);
    expect(scene.authority.asked.slice(1)).toEqual([
      { token: "", clientSerial: first?.serialNumber, lifetimeS: 86_400 },
    ]);
    expect(leafOf(agent)?.publicKey.equals(first?.publicKey as never)).toBe(false);
  });

  it("tells who listens of each secret that changed, until they leave", async () => {
    const agent = scene.agentOf();
    const heard: string[] = [];
    const leave = agent.secrets.onChange((name) => heard.push(name));
    agent.start();
    await scene.settle();
    expect(heard).toEqual(["ROOTCA", "default"]);
    await scene.pass(0.6 * HOUR_MS);
    expect(heard).toEqual(["ROOTCA", "default", "default"]);
    leave();
    await scene.pass(0.6 * HOUR_MS);
    expect(heard).toHaveLength(3);
  });

  it("asks nobody after it was stopped", async () => {
    const agent = await scene.started();
    agent.stop();
    await scene.pass(2 * HOUR_MS);
    expect(scene.authority.asked).toHaveLength(1);
  });

  it("counts what it does under Linkerd's and Istio's names", async () => {
    await scene.started();
    const now = scene.clock.wall() / 1000;
    expect(scene.metric("control_identity_cert_refreshes_total")).toBe(1);
    expect(scene.metric("control_identity_cert_refresh_timestamp_seconds")).toBeCloseTo(now, 0);
    const end = scene.metric("control_identity_cert_expiration_timestamp_seconds");
    expect(end).toBeGreaterThan(now + 3590);
    const left = scene.metric('istio_agent_cert_expiry_seconds{resource_name="default"}');
    expect(left).toBeCloseTo(end - now, 3);
    expect(scene.metric('istio_agent_cert_expiry_seconds{resource_name="ROOTCA"}')).toBeGreaterThan(
      0,
    );
    expect(scene.metric("istio_agent_num_outgoing_requests")).toBe(1);
    expect(scene.metric("istio_agent_num_failed_outgoing_requests")).toBe(0);
  });

  it("puts no key and no token into its log", async () => {
    scene.authority.misbehaviour = "refuses";
    scene.tokens = ["first token", "second token", "third token"];
    const agent = await scene.started();
    scene.authority.misbehaviour = undefined;
    await scene.pass(5000);
    expect(leafOf(agent)).toBeDefined();
    expect(scene.notices.join("\n")).not.toMatch(/token"|first|second|third|PRIVATE|BEGIN/);
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
    "of an scene.authority that $misbehaviour is not used, then a good one is",
    async (each) => {
      scene.tokens = ["a", "b", "c"];
      scene.authority.misbehaviour = each.misbehaviour;
      const agent = await scene.started({ identity: TEST_IDENTITY });
      expect(agent.secrets.current("default")).toBeUndefined();
      expect(scene.notices.join("\n")).toContain(each.says);
      scene.authority.misbehaviour = undefined;
      await scene.pass(5000);
      expect(leafOf(agent)?.subjectAltName).toBe(`URI:${TEST_IDENTITY}`);
    },
  );

  it.each(cases)(
    "of an scene.authority that $misbehaviour leaves the last good one alone",
    async (each) => {
      const agent = await scene.started({ identity: TEST_IDENTITY });
      const first = leafOf(agent);
      scene.authority.misbehaviour = each.misbehaviour;
      await scene.pass(3 * HOUR_MS, 60_000);
      expect(leafOf(agent)?.fingerprint256).toBe(first?.fingerprint256);
      expect(scene.notices.join("\n")).toContain("has expired at");
      scene.authority.misbehaviour = undefined;
      scene.tokens = ["another"];
      await scene.pass(20_000);
      expect(leafOf(agent)?.fingerprint256).not.toBe(first?.fingerprint256);
    },
  );

  it("with a root that a known one vouches for is how roots are learned", async () => {
    const agent = await scene.started();
    const next = await TestAuthority.create("next");
    scene.authority.bundle = `${scene.authority.root.pem}${next.pem}`;
    await scene.pass(0.6 * HOUR_MS);
    expect(rootsIn(agent.secrets.current("ROOTCA"))).toBe(2);
    scene.authority.root = next;
    scene.authority.bundle = next.pem;
    await scene.pass(0.6 * HOUR_MS);
    expect(rootsIn(agent.secrets.current("ROOTCA"))).toBe(1);
    expect(leafOf(agent)?.verify(new X509Certificate(next.pem).publicKey)).toBe(true);
  });

  it("of a root that nobody vouches for teaches nothing", async () => {
    const agent = await scene.started();
    const next = await TestAuthority.create("next");
    scene.authority.root = next;
    scene.authority.bundle = next.pem;
    await scene.pass(0.6 * HOUR_MS);
    expect(rootsIn(agent.secrets.current("ROOTCA"))).toBe(1);
    expect(scene.notices.at(-1)).toContain("leads to no root that is trusted here");
  });

  it("through an intermediate keeps it in the chain", async () => {
    const { root } = scene.authority;
    scene.authority.root = await root.intermediate("between");
    scene.authority.bundle = root.pem;
    const agent = await scene.started();
    expect(agent.held?.chain.split("BEGIN CERTIFICATE").length).toBe(1 + 2);
  });
});
