import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isUnicast, parseIp } from "../../base/ip-address.ts";
import type { HeaderVersion, ProxiedAddresses } from "./header.ts";
import { HeaderReader, type HeaderReading } from "./header-reader.ts";
import { writeHeader } from "./header-writer.ts";

const version = fc.constantFrom<HeaderVersion>("v1", "v2");
const port = fc.integer({ min: 0, max: 65_535 });

function addressOf(bytes: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: bytes, maxLength: bytes }).filter(isUnicast);
}

function between(bytes: number): fc.Arbitrary<ProxiedAddresses> {
  return fc.record({
    sourceIp: addressOf(bytes),
    sourcePort: port,
    destinationIp: addressOf(bytes),
    destinationPort: port,
  });
}

const addresses = fc.oneof(between(4), between(16));

function read(bytes: Buffer, cuts: readonly number[]): HeaderReader {
  const reader = new HeaderReader(["v1", "v2"]);
  let start = 0;
  for (const cut of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
    if (reader.read(bytes.subarray(start, cut)) !== "more") return reader;
    start = cut;
  }
  return reader;
}

describe("a header that was written", () => {
  it("says the same when it is read, wherever it is cut", () => {
    const cuts = fc.array(fc.nat(60));
    fc.assert(
      fc.property(version, fc.option(addresses, { nil: undefined }), cuts, (of, ends, at) => {
        const bytes = writeHeader(of, ends);
        const reader = read(
          bytes,
          at.filter((cut) => cut < bytes.length),
        );
        expect(reader.version).toBe(of);
        expect(reader.addresses).toEqual(ends);
      }),
    );
  });

  it("has both ends in one family", () => {
    const [sourceIp, destinationIp] = [parseIp("10.0.0.1"), parseIp("2001:db8::1")];
    if (sourceIp === undefined || destinationIp === undefined) throw new Error("no addresses");
    const ends = { sourceIp, sourcePort: 1, destinationIp, destinationPort: 2 };
    expect(writeHeader("v1", ends).toString()).toBe(
      "PROXY TCP6 ::ffff:10.0.0.1 2001:db8::1 1 2\r\n",
    );
    expect(writeHeader("v2", ends).subarray(12, 16)).toEqual(Buffer.from([0x21, 0x21, 0, 36]));
  });
});

describe("a reader", () => {
  it("throws on no bytes at all, and says the same wherever they are cut", () => {
    const start = fc.oneof(
      fc.tuple(version, addresses).map(([of, ends]) => writeHeader(of, ends)),
      fc.constant(Buffer.from("PROXY ")),
      fc.constant(Buffer.alloc(0)),
    );
    const change = fc.tuple(fc.nat(60), fc.nat(255));
    const rest = fc.uint8Array({ maxLength: 80 });
    fc.assert(
      fc.property(start, fc.array(change, { maxLength: 3 }), rest, (from, changes, behind) => {
        const bytes = Buffer.concat([from, behind]);
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        const whole = new HeaderReader(["v1", "v2"]);
        const expected = whole.read(bytes);
        const piecewise = new HeaderReader(["v1", "v2"]);
        let last: HeaderReading = "more";
        let at = 0;
        while (last === "more" && at < bytes.length)
          last = piecewise.read(bytes.subarray(at, ++at));
        expect(last).toBe(expected);
        expect(piecewise.addresses).toEqual(whole.addresses);
        if (expected === "found") expect(at).toBe(whole.end);
      }),
      { numRuns: 2000 },
    );
  });

  it("keeps nothing of what a header adds, however long it is", () => {
    const reader = new HeaderReader(["v2"]);
    const header = writeHeader("v2", {
      sourceIp: Uint8Array.of(10, 0, 0, 1),
      sourcePort: 1,
      destinationIp: Uint8Array.of(10, 0, 0, 2),
      destinationPort: 2,
    });
    header.writeUInt16BE(65_535, 14);
    const value = 65_535 - 12 - 3;
    expect(reader.read(header)).toBe("more");
    expect(reader.read(Buffer.from([0xe0, value >> 8, value & 0xff]))).toBe("more");
    const byte = Buffer.from([7]);
    for (let i = 1; i < value; i++) reader.read(byte);
    expect(reader.kept).toHaveLength(header.length);
    expect(reader.hasLeft).toBe(true);
    expect(reader.read(Buffer.from("7DATA"))).toBe("found");
    expect(reader.end).toBe(1);
  });

  it.each([
    { versions: ["v1"] as const, bytes: writeHeader("v2", undefined) },
    { versions: ["v2"] as const, bytes: writeHeader("v1", undefined) },
    { versions: [] as const, bytes: writeHeader("v1", undefined) },
  ])("that looks for $versions alone takes others for payload", ({ bytes, versions }) => {
    expect(new HeaderReader(versions).read(bytes)).toBe("none");
  });
});
