/** What SPIFFE's X.509-SVID says that an issuer MUST and MUST NOT do; sections in the names. */
import { generateKeyPairSync, randomBytes, X509Certificate } from "node:crypto";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { describe, expect, it } from "vitest";
import { factsOf } from "../../../identity/issuing/certificate-facts.ts";
import { serverSubject, workloadSubject } from "./leaves.ts";
import { makeRoot, ownAuthority } from "./own-root.ts";
import { issue } from "./signing-authority.ts";

const ID = "spiffe://cluster.local/ns/shop/sa/reviews";
const NOW = Date.UTC(2026, 10, 21, 12);
const HOUR_MS = 3_600_000;

const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const root = makeRoot({
  trustDomain: "cluster.local",
  now: NOW,
  lifetimeMs: 24 * HOUR_MS,
  randomBytes,
});
const authority = ownAuthority(root);

function issued(validityMs = HOUR_MS, now = NOW): x509.X509Certificate {
  const subject = workloadSubject(ID, { publicKey, now, validityMs });
  return new x509.X509Certificate(issue(authority, subject, randomBytes).leaf);
}

function extension<T extends x509.Extension>(
  certificate: x509.X509Certificate,
  kind: new (...args: never[]) => T,
): T {
  const found = certificate.extensions.find((each) => each instanceof kind);
  if (found === undefined) throw new Error(`no ${kind.name}`);
  return found as T;
}

describe("an SVID", () => {
  it("(2) holds exactly one URI, and no other name", () => {
    const names = extension(issued(), x509.SubjectAlternativeNameExtension).names.toJSON();
    expect(names).toEqual([{ type: "url", value: ID }]);
  });

  it("(2, RFC 5280) has a critical alternative name, because its subject is empty", () => {
    expect(issued().subject).toBe("");
    expect(extension(issued(), x509.SubjectAlternativeNameExtension).critical).toBe(true);
  });

  it("(4.1) is no authority", () => {
    const constraints = extension(issued(), x509.BasicConstraintsExtension);
    expect(constraints).toMatchObject({ ca: false, critical: true });
    expect(constraints.pathLength).toBeUndefined();
  });

  it("(4.3) may sign handshakes and nothing else, critically", () => {
    const usage = extension(issued(), x509.KeyUsagesExtension);
    expect(usage).toMatchObject({
      usages: x509.KeyUsageFlags.digitalSignature,
      critical: true,
    });
  });

  it("(4.4) serves and asks", () => {
    const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
    const usages = [...extension(issued(), x509.ExtendedKeyUsageExtension).usages];
    expect(usages.sort()).toEqual([serverAuth, clientAuth].sort());
  });

  it("is what the authority's key has signed, and says whose key that is", async () => {
    const leaf = issued();
    const issuer = new x509.X509Certificate(root.certificate);
    expect(await leaf.verify({ publicKey: issuer, signatureOnly: true })).toBe(true);
    expect(leaf.issuer).toBe(issuer.subject);
    expect(extension(leaf, x509.AuthorityKeyIdentifierExtension).keyId).toBe(
      extension(issuer, x509.SubjectKeyIdentifierExtension).keyId,
    );
  });

  it("was valid two minutes ago, for clocks that go slow", () => {
    const now = NOW + HOUR_MS;
    expect(issued(HOUR_MS, now).notBefore.getTime()).toBe(now - 120_000);
    expect(issued(HOUR_MS, now).notAfter.getTime()).toBe(now + HOUR_MS);
  });

  it("is valid within the authority's own time only", () => {
    const { notBefore, notAfter } = new x509.X509Certificate(root.certificate);
    expect(issued(HOUR_MS).notBefore).toEqual(notBefore);
    expect(issued(9000 * HOUR_MS).notAfter).toEqual(notAfter);
    expect(() => issued(HOUR_MS, NOW + 25 * HOUR_MS)).toThrow("has run out");
  });

  it("has a serial of 128 random bits that no other has", () => {
    const serials = Array.from({ length: 2000 }, () => issued().serialNumber);
    expect(new Set(serials).size).toBe(serials.length);
    for (const serial of serials) expect(serial).toMatch(/^01[0-9a-f]{32}$/);
  });
});

describe("the root", () => {
  const certificate = new x509.X509Certificate(root.certificate);

  it("(3.1) names its trust domain, without a path", () => {
    const names = extension(certificate, x509.SubjectAlternativeNameExtension).names.toJSON();
    expect(names).toEqual([{ type: "url", value: "spiffe://cluster.local" }]);
  });

  it("(4.1, 4.3) is an authority, critically, with none below it, and signs and revokes", () => {
    const constraints = extension(certificate, x509.BasicConstraintsExtension);
    expect(constraints).toMatchObject({ ca: true, critical: true, pathLength: 0 });
    const { keyCertSign, cRLSign } = x509.KeyUsageFlags;
    const usage = extension(certificate, x509.KeyUsagesExtension);
    expect(usage).toMatchObject({ usages: keyCertSign | cRLSign, critical: true });
    expect(
      certificate.extensions.some((each) => each instanceof x509.ExtendedKeyUsageExtension),
    ).toBe(false);
  });

  it("is ECDSA P-256, signed by itself", async () => {
    expect(certificate.publicKey.algorithm).toMatchObject({ name: "ECDSA", namedCurve: "P-256" });
    expect(await certificate.isSelfSigned()).toBe(true);
  });

  it("is read as it was written", () => {
    const parsed = new X509Certificate(root.certificate);
    expect(factsOf(parsed)).toMatchObject({
      serial: certificate.serialNumber.replace(/^0+/, ""),
      authority: true,
      pathLength: 0,
      keyUsage: 0x06,
      notBefore: certificate.notBefore.getTime(),
      notAfter: certificate.notAfter.getTime(),
    });
  });

  it("takes no key that is another's", () => {
    const other = makeRoot({ trustDomain: "x", now: NOW, lifetimeMs: HOUR_MS, randomBytes });
    expect(() => ownAuthority({ ...root, key: other.key })).toThrow("not that of the certificate");
  });
});

it("the control plane's certificate names servers, is nobody's client and has no SPIFFE ID", () => {
  const subject = serverSubject(
    { dns: ["istiod.istio-system.svc", "localhost"], ips: ["127.0.0.1", "::1"] },
    { publicKey, now: NOW, validityMs: HOUR_MS },
  );
  const leaf = new x509.X509Certificate(issue(authority, subject, randomBytes).leaf);
  expect(extension(leaf, x509.SubjectAlternativeNameExtension).names.toJSON()).toEqual([
    { type: "dns", value: "istiod.istio-system.svc" },
    { type: "dns", value: "localhost" },
    { type: "ip", value: "127.0.0.1" },
    { type: "ip", value: "::1" },
  ]);
  expect([...extension(leaf, x509.ExtendedKeyUsageExtension).usages]).toEqual([
    x509.ExtendedKeyUsage.serverAuth,
  ]);
});

it("times from 2050 on are written in four digits of the year", () => {
  const now = Date.UTC(2049, 11, 31, 23, 59, 30);
  const late = makeRoot({ trustDomain: "x", now, lifetimeMs: HOUR_MS, randomBytes });
  const certificate = new X509Certificate(late.certificate);
  expect(certificate.validFromDate.getTime()).toBe(now - 120_000);
  expect(certificate.validToDate.getTime()).toBe(now + HOUR_MS);
});
