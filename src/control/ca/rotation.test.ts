import { X509Certificate } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { describe, expect, it } from "vitest";
import { type AuthorityScene, authorityScene } from "../../../test/support/authority-scene.ts";
import { pemBlocks } from "../../identity/der/pem.ts";
import { leaveRequest } from "./state/requests.ts";

const REVIEWS = { namespace: "shop", serviceAccount: "reviews" };
const RATINGS = { namespace: "shop", serviceAccount: "ratings" };
const HOUR_MS = 3_600_000;

/**
 * What the authority signs with holds since two minutes ago, and TLS asks the machine's clock: in
 * this time a whole rotation has to happen.
 */
const LIFETIME_MS = 20_000;
const OVERLAP_MS = 40_000;

function scene(): Promise<AuthorityScene> {
  return authorityScene({
    validityMs: LIFETIME_MS,
    validityMaxMs: LIFETIME_MS,
    overlapMs: OVERLAP_MS,
  });
}

function rootsIn(pem: string): X509Certificate[] {
  return pemBlocks(pem, "CERTIFICATE").map((der) => new X509Certificate(der));
}

/** Which of the roots has signed a new certificate. */
async function signerOf({ ask, control }: AuthorityScene): Promise<string | undefined> {
  const { leaf } = await ask({ token: control.joinToken(REVIEWS) });
  const signer = rootsIn(control.bundle.roots).find((root) => leaf.verify(root.publicKey));
  return signer?.fingerprint256;
}

describe("a new root", () => {
  it("is given out first, signs after the overlap, and outlives the old one", async () => {
    const running = await scene();
    const before = await signerOf(running);
    let told = 0;
    running.control.onTrustChange(() => told++);
    running.control.rotateRoot();
    expect(told).toBeGreaterThan(0);
    const [first, second] = rootsIn(running.control.bundle.roots);
    expect(first?.fingerprint256).toBe(before);
    expect(await signerOf(running)).toBe(before);

    running.clock.advance(OVERLAP_MS - 1000);
    expect(await signerOf(running)).toBe(before);
    running.clock.advance(1000);
    expect(await signerOf(running)).toBe(second?.fingerprint256);
    expect(rootsIn(running.control.bundle.roots)).toHaveLength(2);

    // The last certificate of the old root was issued a second before the turn.
    running.clock.advance(LIFETIME_MS - 3000);
    expect(rootsIn(running.control.bundle.roots)).toHaveLength(2);
    running.clock.advance(3000);
    expect(rootsIn(running.control.bundle.roots).map((root) => root.fingerprint256)).toEqual([
      second?.fingerprint256,
    ]);
    expect(running.audit.map(({ event }) => event).filter((e) => /^root/.test(String(e)))).toEqual([
      "root_announced",
      "root_signs",
      "root_retired",
    ]);
  });

  it("comes with every certificate, so that agents learn of it before it signs", async () => {
    const running = await scene();
    running.control.rotateRoot();
    const { chain } = await running.ask({ token: running.control.joinToken(REVIEWS) });
    expect(chain).toHaveLength(2);
    expect(chain.at(-1)).toBe(running.control.bundle.roots);
    expect(rootsIn(chain.at(-1) ?? "")).toHaveLength(2);
  });

  it("goes on through a restart, in whichever state", async () => {
    const first = await scene();
    const before = await signerOf(first);
    first.control.rotateRoot();
    const second = await first.restart();
    expect(rootsIn(second.control.bundle.roots)).toHaveLength(2);
    expect(await signerOf(second)).toBe(before);
    second.clock.advance(OVERLAP_MS - 1000);
    expect(await signerOf(second)).toBe(before);
    second.clock.advance(1000);
    const third = await second.restart();
    expect(rootsIn(third.control.bundle.roots)).toHaveLength(2);
    expect(await signerOf(third)).not.toBe(before);
    third.clock.advance(LIFETIME_MS + 1000);
    expect(rootsIn(third.control.bundle.roots)).toHaveLength(1);
  });

  it("leaves no key of the old one behind", async () => {
    const running = await scene();
    running.control.rotateRoot();
    const keys = (): number => readdirSync(path.join(running.caDir, "keys")).length;
    expect(keys()).toBe(2);
    running.clock.advance(OVERLAP_MS + LIFETIME_MS);
    expect(keys()).toBe(1);
  });

  it("is made when a quarter of the old one's life is left, once", async () => {
    const options = { overlapMs: HOUR_MS, rootLifetimeMs: 12 * HOUR_MS };
    const running = await authorityScene(options);
    const announced = (): number =>
      running.audit.filter(({ event }) => event === "root_announced").length;
    running.clock.advance(9 * HOUR_MS - 10_000);
    expect(announced()).toBe(0);
    running.clock.advance(20_000);
    expect(announced()).toBe(1);
    running.clock.advance(3 * HOUR_MS);
    expect(announced()).toBe(1);
  });

  it("is made where an operator asks for it, once", async () => {
    const running = await scene();
    leaveRequest(running.caDir, { kind: "rotate" }, { now: 1, id: "ab" });
    running.clock.advance(2000);
    expect(rootsIn(running.control.bundle.roots)).toHaveLength(2);
    running.clock.advance(2000);
    expect(rootsIn(running.control.bundle.roots)).toHaveLength(2);
  });

  it("stands in the file that plain machines are given", async () => {
    const running = await scene();
    const file = path.join(running.caDir, "root-cert.pem");
    expect(readFileSync(file, "utf8")).toBe(running.control.bundle.roots);
    running.control.rotateRoot();
    expect(readFileSync(file, "utf8")).toBe(running.control.bundle.roots);
  });
});

describe("a revoked certificate", () => {
  it("stands in a list that its authority has signed, with a number that grows", async () => {
    const running = await scene();
    const { leaf } = await running.ask({ token: running.control.joinToken(REVIEWS) });
    expect(running.control.bundle.crl).toBe("");
    const serial = leaf.serialNumber.toLowerCase();
    expect(running.control.revoke({ serial })).toHaveLength(1);
    const list = new x509.X509Crl(running.control.bundle.crl);
    const root = new x509.X509Certificate(running.control.bundle.roots);
    expect(await list.verify({ publicKey: root })).toBe(true);
    expect(list.issuer).toBe(root.subject);
    expect(list.entries.map((entry) => entry.serialNumber)).toEqual([serial]);
    expect(list.nextUpdate?.getTime()).toBeGreaterThan(running.clock.wall() + 29 * 24 * HOUR_MS);
    const again = running.control.bundle.crl;
    await running.ask({ token: running.control.joinToken(RATINGS) });
    running.control.revoke({ identity: RATINGS });
    expect(running.control.bundle.crl).not.toBe(again);
  });

  it("is found by its identity, all of them, and nobody else's", async () => {
    const running = await scene();
    for (const identity of [REVIEWS, REVIEWS, RATINGS]) {
      await running.ask({ token: running.control.joinToken(identity) });
    }
    expect(running.control.revoke({ identity: REVIEWS })).toHaveLength(2);
    expect(running.control.revoke({ identity: REVIEWS })).toEqual([]);
    expect(running.control.revoke({ serial: "0123456789" })).toEqual([]);
  });

  it("is not renewed, on new connections and on old ones, also after a restart", async () => {
    const running = await scene();
    const first = await running.ask({ token: running.control.joinToken(REVIEWS) });
    const certificate = { chain: first.chain[0] ?? "", key: first.key };
    running.control.revoke({ serial: first.leaf.serialNumber });
    await expect(running.ask({ certificate })).rejects.toThrow();
    expect(running.audit.at(-1)).toMatchObject({ message: "the certificate is revoked" });
    const again = await running.restart();
    await expect(again.ask({ certificate })).rejects.toThrow();
    expect(again.control.bundle.crl).not.toBe("");
  });

  it("leaves the list when it has run out by itself", async () => {
    const running = await scene();
    await running.ask({ token: running.control.joinToken(REVIEWS) });
    running.control.revoke({ identity: REVIEWS });
    running.clock.advance(3 * HOUR_MS);
    expect(running.control.bundle.crl).toBe("");
  });

  it("is listed anew each day", async () => {
    const running = await authorityScene({ validityMs: 72 * HOUR_MS });
    await running.ask({ token: running.control.joinToken(REVIEWS) });
    running.control.revoke({ identity: REVIEWS });
    const first = running.control.bundle.crl;
    running.clock.advance(25 * HOUR_MS);
    expect(running.control.bundle.crl).not.toBe(first);
    const list = new x509.X509Crl(running.control.bundle.crl);
    expect(list.thisUpdate.getTime()).toBeGreaterThan(running.clock.wall() - 2 * HOUR_MS);
  });

  it("may be asked for by an operator", async () => {
    const running = await scene();
    await running.ask({ token: running.control.joinToken(REVIEWS) });
    const request = { kind: "revoke", what: { identity: REVIEWS } } as const;
    leaveRequest(running.caDir, request, { now: 1, id: "ab" });
    running.clock.advance(2000);
    expect(running.control.bundle.crl).not.toBe("");
    expect(existsSync(path.join(running.caDir, "requests", "1-ab.json"))).toBe(false);
  });

  it("of either root is listed by its own during a rotation", async () => {
    const running = await scene();
    const first = await running.ask({ token: running.control.joinToken(REVIEWS) });
    running.control.rotateRoot();
    running.clock.advance(OVERLAP_MS - 1000);
    const kept = await running.ask({ token: running.control.joinToken(REVIEWS) });
    running.clock.advance(1000);
    const second = await running.ask({ token: running.control.joinToken(REVIEWS) });
    running.control.revoke({ identity: REVIEWS });
    const lists = pemBlocks(running.control.bundle.crl, "X509 CRL").map((der) => {
      return new x509.X509Crl(der).entries.map((entry) => entry.serialNumber.toUpperCase());
    });
    expect(lists).toEqual([[kept.leaf.serialNumber], [second.leaf.serialNumber]]);
    expect(first.leaf.serialNumber).not.toBe(kept.leaf.serialNumber);
  });
});
