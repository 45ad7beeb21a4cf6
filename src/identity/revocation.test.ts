import { describe, expect, it } from "vitest";
import { TestAuthority } from "../../test/support/certificates.ts";
import { issuerAndSerialOf, revokedBy } from "./revocation.ts";

describe("a list of revoked certificates", () => {
  it("names those of its issuer, by their serial numbers", async () => {
    const authority = await TestAuthority.create();
    const revoked = await authority.issue();
    const good = await authority.issue();
    const list = revokedBy(await authority.revoke([revoked]));
    expect(list.has(issuerAndSerialOf(revoked.der))).toBe(true);
    expect(list.has(issuerAndSerialOf(good.der))).toBe(false);
  });

  it("says nothing of certificates of the same number that another has issued", async () => {
    const [one, other] = [await TestAuthority.create("one"), await TestAuthority.create("other")];
    const list = revokedBy(await one.revoke([await one.issue()]));
    expect(list.has(issuerAndSerialOf((await other.issue()).der))).toBe(false);
  });

  it("may be empty, and may follow another", async () => {
    const authority = await TestAuthority.create();
    const revoked = await authority.issue();
    const empty = await authority.revoke([]);
    expect(revokedBy(empty).size).toBe(0);
    expect(revokedBy(`${empty}${await authority.revoke([revoked])}`).size).toBe(1);
  });

  it("throws where it is none", () => {
    expect(() => revokedBy("-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n")).toThrow(
      RangeError,
    );
  });
});
