import { X509Certificate } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { TestAuthority, type TestCertificate } from "../../../../test/support/certificates.ts";
import { trusting } from "../../../../test/support/tls-scene.ts";
import { NO_VALIDATION, type TlsValidation } from "../../../model/transport/tls.ts";
import { Trust } from "./trust.ts";

let one: TestAuthority;
let other: TestAuthority;
let leaf: TestCertificate;

beforeAll(async () => {
  one = await TestAuthority.create("one");
  other = await TestAuthority.create("other");
  leaf = await one.issue();
});

function trust(validation: TlsValidation | undefined): Trust {
  return new Trust(validation, (source) =>
    Buffer.from(source.kind === "inline" ? source.text : ""),
  );
}

function bundle(...authorities: readonly TestAuthority[]): TlsValidation {
  const text = authorities.map(({ pem }) => pem).join("");
  return { ...NO_VALIDATION, trustedCa: { kind: "inline", text } };
}

function inline(text: string) {
  return { kind: "inline", text } as const;
}

async function revoking(certificate: TestCertificate): Promise<TlsValidation> {
  return trusting(one, { crl: { kind: "inline", text: await one.revoke([certificate]) } });
}

describe("a peer that was let in", () => {
  it("is believed while its authority is", () => {
    const peer = new X509Certificate(leaf.der);
    expect(trust(bundle(one, other)).believes(peer)).toBe(true);
    expect(trust(bundle(other)).believes(peer)).toBe(false);
  });

  it("is believed by the bundle of some trust domain", () => {
    const domain = { name: "td", bundle: { kind: "inline", text: one.pem } } as const;
    const peer = new X509Certificate(leaf.der);
    expect(trust({ ...NO_VALIDATION, trustDomains: [domain] }).believes(peer)).toBe(true);
    const foreign = { name: "td", bundle: { kind: "inline", text: other.pem } } as const;
    expect(trust({ ...NO_VALIDATION, trustDomains: [foreign] }).believes(peer)).toBe(false);
  });

  it("is not believed once a list names it", async () => {
    const peer = new X509Certificate(leaf.der);
    expect(trust(await revoking(leaf)).believes(peer)).toBe(false);
    expect(trust(await revoking(await one.issue())).believes(peer)).toBe(true);
  });

  it("is not believed once a list in the bundle of its trust domain names it", async () => {
    const peer = new X509Certificate(leaf.der);
    const listing = async (revoked: TestCertificate[]): Promise<Trust> => {
      const text = `${one.pem}${await one.revoke(revoked)}`;
      return trust({ ...NO_VALIDATION, trustDomains: [{ name: "td", bundle: inline(text) }] });
    };
    const [none, both] = [await listing([]), await listing([leaf])];
    expect(none.believes(peer)).toBe(true);
    expect(both.believes(peer)).toBe(false);
    expect(both.covers(none)).toBe(false);
    expect(none.covers(both)).toBe(true);
  });

  it("is believed where nobody looks at chains", () => {
    expect(trust(undefined).believes(new X509Certificate(leaf.der))).toBe(true);
  });
});

describe("one trust covers another", () => {
  it("where no authority is missing", () => {
    expect(trust(bundle(one, other)).covers(trust(bundle(one)))).toBe(true);
    expect(trust(bundle(one)).covers(trust(bundle(one, other)))).toBe(false);
    expect(trust(bundle(one)).covers(trust(undefined))).toBe(false);
    expect(trust(undefined).covers(trust(undefined))).toBe(true);
  });

  it("where nobody is revoked in addition", async () => {
    const list = trust(await revoking(leaf));
    expect(list.covers(trust(bundle(one)))).toBe(false);
    expect(trust(bundle(one)).covers(list)).toBe(true);
  });

  it("where names are the same", () => {
    const match = { kind: "exact", value: "a", ignoreCase: false } as const;
    const named = trust(trusting(one, { sans: [{ san: "dns", match }] }));
    expect(named.covers(trust(bundle(one)))).toBe(false);
  });
});
