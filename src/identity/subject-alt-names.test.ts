import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { TestAuthority } from "../../test/support/certificates.ts";
import { readSubjectAltNames } from "./subject-alt-names.ts";

const NONE = { dns: [], uri: [], email: [], ip: [] };

describe("the names of a certificate", () => {
  let authority: TestAuthority;
  beforeAll(async () => {
    authority = await TestAuthority.create();
  });

  it("are read by their kind, in their order", async () => {
    const { der } = await authority.issue({
      sans: [
        { type: "dns", value: "a.example" },
        { type: "url", value: "spiffe://cluster.local/ns/default/sa/reviews" },
        { type: "dns", value: "*.b.example" },
        { type: "email", value: "who@example" },
        { type: "ip", value: "10.0.0.1" },
        { type: "ip", value: "2001:db8::1" },
      ],
    });
    expect(readSubjectAltNames(der)).toEqual({
      dns: ["a.example", "*.b.example"],
      uri: ["spiffe://cluster.local/ns/default/sa/reviews"],
      email: ["who@example"],
      ip: ["10.0.0.1", "2001:db8::1"],
    });
  });

  it("are none without the extension", async () => {
    const { der } = await authority.issue();
    expect(readSubjectAltNames(der)).toEqual(NONE);
  });

  it("keep what a printed list would take for two names", async () => {
    const value = "spiffe://a/x,URI:spiffe://cluster.local/ns/admin";
    const { der } = await authority.issue({ sans: [{ type: "url", value }] });
    expect(readSubjectAltNames(der).uri).toEqual([value]);
  });

  it.each(["good.example\0.evil", "a b", "a\n"])("leave out %j", async (value) => {
    const sans = [
      { type: "dns", value },
      { type: "dns", value: "kept" },
    ] as const;
    const { der } = await authority.issue({ sans });
    expect(readSubjectAltNames(der).dns).toEqual(["kept"]);
  });

  it("are a RangeError where the bytes are cut, at every cut", async () => {
    const { der } = await authority.issue({ sans: [{ type: "dns", value: "a" }] });
    for (let cut = 0; cut < der.length; cut++) {
      expect(() => readSubjectAltNames(der.subarray(0, cut)), `cut at ${cut}`).toThrow(RangeError);
    }
  });

  it("are a RangeError at worst, whatever the bytes", async () => {
    const { der } = await authority.issue({ sans: [{ type: "dns", value: "a" }] });
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.nat(255), (at, value) => {
        const changed = Buffer.from(der);
        changed[at] = value;
        try {
          readSubjectAltNames(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
