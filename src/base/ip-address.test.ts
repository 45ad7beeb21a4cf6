import { isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatIp, isLoopback, isUnicast, maskIp, parseIp, sharesPrefix } from "./ip-address.ts";

describe.each([
  ["0.0.0.0", "0.0.0.0"],
  ["10.1.2.255", "10.1.2.255"],
  ["::", "::"],
  ["::1", "::1"],
  ["1::", "1::"],
  ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["::ffff:10.0.0.1", "::ffff:10.0.0.1"],
  ["::ffff:a00:1", "::ffff:10.0.0.1"],
  ["64:ff9b::1.2.3.4", "64:ff9b::102:304"],
])("the address %s", (text, canonical) => {
  it("is read, and written in its short form", () => {
    const bytes = parseIp(text);
    expect(bytes && formatIp(bytes)).toBe(canonical);
  });
});

it.each([
  "",
  "10.0.0",
  "10.0.0.256",
  "010.0.0.1",
  "1.2.3.4.5",
  "0x7f.0.0.1",
  " 10.0.0.1",
  ":",
  ":::",
  "1::2::3",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "1:2:3:4:5:6:7::8",
  "12345::",
  "::1%eth0",
  "1.2.3.4::",
  "::1.2.3",
])("%j is no address", (text) => {
  expect(parseIp(text)).toBeUndefined();
});

it("reads what the sockets' library calls an address, and nothing else", () => {
  const mixed = fc.stringMatching(/^[0-9a-f:.]{0,20}$/);
  const texts = fc.oneof(fc.ipV4(), fc.ipV6(), mixed);
  fc.assert(
    fc.property(texts, (text) => {
      expect(parseIp(text) !== undefined).toBe(isIP(text) !== 0);
    }),
  );
});

it("gives back the bytes that it wrote", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
    fc.uint8Array({ minLength: 16, maxLength: 16, max: 1 }),
  );
  fc.assert(
    fc.property(bytes, (some) => {
      expect(parseIp(formatIp(some))).toEqual(some);
    }),
  );
});

it("compares the first bits of addresses of one family", () => {
  const ip = (text: string): Uint8Array => parseIp(text) ?? new Uint8Array();
  expect(sharesPrefix(ip("10.1.2.3"), ip("10.1.3.3"), 23)).toBe(true);
  expect(sharesPrefix(ip("10.1.2.3"), ip("10.1.3.3"), 24)).toBe(false);
  expect(sharesPrefix(ip("10.1.2.3"), ip("11.1.2.3"), 0)).toBe(true);
  expect(sharesPrefix(ip("10.1.2.3"), ip("10.1.2.3"), 32)).toBe(true);
  expect(sharesPrefix(ip("10.1.2.3"), ip("::a01:203"), 0)).toBe(false);
  expect(formatIp(maskIp(ip("10.1.255.255"), 20))).toBe("10.1.240.0");
  expect(formatIp(maskIp(ip("2001:db8::ff"), 32))).toBe("2001:db8::");
});

it("knows what no machine is called", () => {
  const nobody = ["0.0.0.0", "255.255.255.255", "224.0.0.1", "239.255.255.255", "::", "ff02::1"];
  const somebody = ["10.0.0.1", "127.0.0.1", "223.255.255.255", "240.0.0.1", "::1", "fe80::1"];
  const unicast = (text: string): boolean => isUnicast(parseIp(text) ?? new Uint8Array());
  expect(nobody.filter(unicast)).toEqual([]);
  expect(somebody.filter(unicast)).toEqual(somebody);
});

it("knows its own machine's loopback addresses", () => {
  const loops = ["127.0.0.1", "::1", "127.9.9.9", "128.0.0.1", "::2", "::"].map((text) =>
    isLoopback(parseIp(text) ?? new Uint8Array()),
  );
  expect(loops).toEqual([true, true, false, false, false, false]);
});
