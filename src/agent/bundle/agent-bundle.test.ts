import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import {
  AgentScene,
  HOUR_MS,
  leafOf,
  type OpenedBundle,
  rootsIn,
} from "../../../test/support/agent-scene.ts";
import { TestAuthority, type TestCertificate } from "../../../test/support/certificates.ts";
import type { Secret } from "../../model/transport/secret.ts";
import { NO_VALIDATION, type TlsValidation } from "../../model/transport/tls.ts";
import { CODECS } from "../../xds/resource.ts";
import type { Agent } from "../agent.ts";

let scene: AgentScene;

beforeEach(async () => {
  scene = await AgentScene.open();
});

afterEach(() => {
  scene.close();
});

const inline = (text: string) => ({ kind: "inline", text }) as const;

function encoded(secret: Secret): Any {
  const { typeUrl, encode } = CODECS.secret;
  return create(AnySchema, { typeUrl, value: encode(secret, "envoy") });
}

function bundle(validation: Partial<TlsValidation>, name = "ROOTCA"): Any[] {
  const whole = { ...NO_VALIDATION, ...validation };
  return [encoded({ kind: "validation", name, validation: whole })];
}

function newest(): OpenedBundle {
  const opened = scene.bundles.at(-1);
  if (opened === undefined) throw new Error("nobody asks for a bundle");
  return opened;
}

function believedBy(agent: Agent): TlsValidation {
  const secret = agent.secrets.current("ROOTCA");
  if (secret?.kind !== "validation") throw new Error("no trust bundle");
  return secret.validation;
}

/** As `AgentScene.authority` has issued it. */
function asIssued(agent: Agent): TestCertificate {
  return { der: leafOf(agent)?.raw ?? Buffer.alloc(0) } as TestCertificate;
}

describe("an agent that holds a certificate", () => {
  it("asks for the bundle with it, and anew with the next one", async () => {
    const agent = await scene.started();
    expect(scene.bundles).toHaveLength(1);
    expect(newest().shown.chain).toBe(agent.held?.chain);
    await scene.pass(0.6 * HOUR_MS);
    expect(scene.bundles).toHaveLength(2);
    expect(newest().shown.chain).toBe(agent.held?.chain);
    expect(scene.bundles[0]?.closed).toBe(true);
  });

  it("gives on roots, lists and domains, and tells who listens", async () => {
    const agent = await scene.started();
    const heard: string[] = [];
    agent.secrets.onChange((name) => heard.push(name));
    const { pem } = scene.authority.root;
    const lists = await scene.authority.root.revoke([]);
    newest().events.onAnswer(bundle({ trustedCa: inline(pem), crl: inline(lists) }));
    expect(believedBy(agent).crl).toEqual(inline(lists));
    const west = await TestAuthority.create("west");
    const trustDomains = [
      { name: "cluster.local", bundle: inline(`${pem}${lists}`) },
      { name: "west.example", bundle: inline(west.pem) },
    ];
    newest().events.onAnswer(bundle({ trustedCa: inline(pem), trustDomains }));
    expect(believedBy(agent).crl).toBeUndefined();
    const [own, other] = believedBy(agent).trustDomains ?? [];
    expect(own?.bundle).toEqual(inline(expect.stringContaining("BEGIN X509 CRL") as never));
    expect(other?.bundle).toEqual(inline(west.pem));
    expect(heard).toEqual(["ROOTCA", "ROOTCA"]);
  });

  it("keeps what it has while the stream is away, and asks again with growing pauses", async () => {
    const agent = await scene.started();
    const lists = await scene.authority.root.revoke([]);
    const trustedCa = inline(scene.authority.root.pem);
    newest().events.onAnswer(bundle({ trustedCa, crl: inline(lists) }));
    expect(scene.metric("outrigger_agent_bundle_connected")).toBe(1);
    for (let turn = 0; turn < 8; turn++) {
      const { length } = scene.bundles;
      newest().events.onEnd({ kind: "lost", reason: "gone" });
      expect(scene.metric("outrigger_agent_bundle_connected")).toBe(0);
      if (turn > 5) {
        await scene.pass(4500, 500);
        expect(scene.bundles).toHaveLength(length);
      }
      await scene.pass(10_500 - (turn > 5 ? 4500 : 0), 500);
      expect(scene.bundles).toHaveLength(length + 1);
    }
    expect(believedBy(agent).crl).toEqual(inline(lists));
    expect(scene.notices.filter((notice) => notice.includes("(gone)"))).toHaveLength(2);
    expect(scene.metric("outrigger_agent_bundle_disconnects_total")).toBe(8);
  });

  it("asks seldom where nobody gives out bundles", async () => {
    await scene.started();
    newest().events.onEnd({ kind: "not served", reason: "HTTP 404" });
    await scene.pass(590_000, 10_000);
    expect(scene.bundles).toHaveLength(1);
    await scene.pass(20_000, 10_000);
    expect(scene.bundles).toHaveLength(2);
  });

  it("asks nobody after it was stopped", async () => {
    const agent = await scene.started();
    agent.stop();
    expect(newest().closed).toBe(true);
    await scene.pass(HOUR_MS);
    expect(scene.bundles).toHaveLength(1);
  });

  it("whose root is in the bundle no more takes it, and asks for a certificate", async () => {
    const agent = await scene.started();
    const next = await TestAuthority.create("next");
    newest().events.onAnswer(bundle({ trustedCa: inline(next.pem) }));
    expect(believedBy(agent).trustedCa).toEqual(inline(new X509Certificate(next.pem).toString()));
    scene.authority.root = next;
    scene.authority.bundle = next.pem;
    const asked = scene.authority.asked.length;
    newest().events.onEnd({ kind: "lost", reason: "gone" });
    await scene.pass(5500, 500);
    expect(newest().shown.roots).toBe(new X509Certificate(next.pem).toString());
    expect(scene.authority.asked).toHaveLength(asked);
    await scene.pass(10_000, 500);
    expect(leafOf(agent)?.verify(new X509Certificate(next.pem).publicKey)).toBe(true);
  });

  it("believes a file's roots beside those of the bundle, for its own domain alone", async () => {
    const pinned = await TestAuthority.create("pinned");
    const pem = scene.authority.root.pem;
    const path = join(mkdtempSync(join(tmpdir(), "outrigger-agent-")), "root.pem");
    onTestFinished(() => rmSync(dirname(path), { recursive: true }));
    writeFileSync(path, `${pem}${pinned.pem}`);
    const agent = await scene.started({ roots: { kind: "file", path } });
    const west = await TestAuthority.create("west");
    const trustDomains = [
      { name: "cluster.local", bundle: inline(pem) },
      { name: "west.example", bundle: inline(west.pem) },
    ];
    newest().events.onAnswer(bundle({ trustedCa: inline(pem), trustDomains }));
    expect(rootsIn(agent.secrets.current("ROOTCA"))).toBe(2);
    const counts = believedBy(agent).trustDomains?.map(({ bundle: of, name: domain }) => [
      domain,
      of.kind === "inline" ? of.text.split("BEGIN CERTIFICATE").length - 1 : 0,
    ]);
    expect(counts).toEqual([
      ["cluster.local", 2],
      ["west.example", 1],
    ]);
  });
});

describe("a bundle", () => {
  it("is not taken where it cannot be used: what there was stays", async () => {
    const agent = await scene.started();
    const { pem } = scene.authority.root;
    const trustedCa = inline(pem);
    const before = believedBy(agent);
    const leaf = await scene.authority.root.issue();
    const [good] = bundle({ trustedCa });
    const name = { san: "uri", match: { kind: "exact", value: "a", ignoreCase: false } } as const;
    const cases: [Any[], string][] = [
      [[], "Unexpected SDS secrets length: 0"],
      [good === undefined ? [] : [good, good], "Unexpected SDS secrets length: 2"],
      [bundle({ trustedCa }, "default"), "Unexpected SDS secret"],
      [bundle({}), "has no root"],
      [bundle({ trustedCa: inline("nothing") }), "holds no certificate"],
      [bundle({ trustedCa: inline(leaf.chain) }), "is no authority's"],
      [bundle({ trustedCa: { kind: "file", path: "/etc/passwd" } }), "names a file"],
      [bundle({ trustedCa, acceptUntrusted: true }), "would let anybody in"],
      [bundle({ trustedCa, sans: [name] }), "names peers"],
      [
        bundle({
          trustedCa,
          crl: inline("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"),
        }),
        "cannot be read",
      ],
      [
        bundle({ trustedCa, trustDomains: [{ name: "west.example", bundle: inline("") }] }),
        "the bundle of west.example holds no certificate",
      ],
    ];
    for (const [resources, says] of cases) {
      expect(() => newest().events.onAnswer(resources), says).toThrow(says);
      expect(believedBy(agent)).toBe(before);
    }
    expect(scene.metric("outrigger_agent_bundle_refusals_total")).toBe(cases.length);
    expect(scene.metric("outrigger_agent_bundle_updates_total")).toBe(0);
  });
});

describe("a certificate that is accepted no more", () => {
  it("is told of by the lists, and gives way to a token's", async () => {
    const agent = await scene.started();
    await scene.pass(20_000, 1000);
    const first = leafOf(agent);
    scene.tokens = ["second token"];
    const crl = inline(await scene.authority.root.revoke([asIssued(agent)]));
    newest().events.onAnswer(bundle({ trustedCa: inline(scene.authority.root.pem), crl }));
    await scene.settle();
    expect(scene.authority.asked.at(-1)?.token).toBe("second token");
    expect(leafOf(agent)?.serialNumber).not.toBe(first?.serialNumber);
    expect(scene.notices.join("\n")).toContain("is revoked: peers refuse it");
    expect(scene.metric("outrigger_agent_revoked_certificates")).toBe(1);
  });

  it("is told of by who refuses the stream, and never asked for all the time", async () => {
    await scene.started();
    await scene.pass(20_000, 1000);
    scene.tokens = Array.from({ length: 100 }, (_, i) => `${i}`);
    const asked = scene.authority.asked.length;
    newest().events.onEnd({ kind: "refused", reason: "who are you?" });
    await scene.pass(1000, 500);
    expect(scene.authority.asked.length).toBe(asked);
    newest().events.onEnd({ kind: "refused", reason: "who are you?" });
    await scene.settle();
    expect(scene.authority.asked.length).toBe(asked + 1);
    for (let second = 0; second < 60; second++) {
      newest().events.onEnd({ kind: "refused", reason: "who are you?" });
      await scene.pass(1000, 500);
    }
    expect(scene.authority.asked.length).toBeGreaterThan(asked + 3);
    expect(scene.authority.asked.length).toBeLessThan(asked + 9);
  });
});
