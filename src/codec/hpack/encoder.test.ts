import { describe, expect, it } from "vitest";
import { type Field, GrowingOutput, HpackPair } from "../../../test/support/hpack-pair.ts";
import { HpackEncoder } from "./encoder.ts";
import { AUTHORITY, fieldId, PATH } from "./field-id.ts";

/** Each block in hexadecimal. */
function blocksOf(encoder: HpackEncoder, blocks: readonly (readonly Field[])[]): string[] {
  return blocks.map((fields) => {
    const output = new GrowingOutput();
    encoder.startBlock(output);
    for (const [name, value] of fields) encoder.field(output, fieldId(name), name, value);
    return output.buffer.toString("hex", 0, output.position);
  });
}

function times(count: number, field: Field): Field[][] {
  return Array.from({ length: count }, () => [field]);
}

describe("a field", () => {
  it.each<{ field: Field; octet: string }>([
    { field: [":method", "GET"], octet: "82" },
    { field: [":method", "POST"], octet: "83" },
    { field: [":path", "/"], octet: "84" },
    { field: [":path", "/index.html"], octet: "85" },
    { field: [":scheme", "http"], octet: "86" },
    { field: [":scheme", "https"], octet: "87" },
    { field: [":status", "200"], octet: "88" },
    { field: [":status", "500"], octet: "8e" },
    { field: ["accept-encoding", "gzip, deflate"], octet: "90" },
  ])("of the static table is one octet: $field", ({ field, octet }) => {
    expect(blocksOf(new HpackEncoder(), [[field]])).toEqual([octet]);
  });

  it("with a static name is plain at first, added the second time, an index from then on", () => {
    expect(blocksOf(new HpackEncoder(), times(4, [":authority", "aaaa"]))).toEqual([
      "010461616161",
      "418318c63f",
      "be",
      "be",
    ]);
  });

  it("with a name of its own is added at once, for its name", () => {
    const blocks = blocksOf(new HpackEncoder(), [[["x-a", "!!"]], [["x-a", "!"]], [["x-a", "!!"]]]);
    expect(blocks).toEqual(["4003782d61022121", "0f2f0121", "be"]);
  });

  it("keeps two values of a name at hand", () => {
    const a: Field = ["user-agent", "a"];
    const b: Field = ["user-agent", "b"];
    const encoder = new HpackEncoder();
    blocksOf(encoder, [[a], [a], [b], [b]]);
    expect(blocksOf(encoder, [[a], [b], [a], [b]])).toEqual(["bf", "be", "bf", "be"]);
  });

  it("whose value never repeats stays out of the table, its name does not", () => {
    const blocks = blocksOf(new HpackEncoder(), [
      [["x-request-id", "1"]],
      [["x-request-id", "1"]],
      [["content-length", "12"]],
      [["content-length", "12"]],
    ]);
    expect(blocks.slice(1)).toEqual(["0f2f0131", "0f0d023132", "0f0d023132"]);
  });

  it.each<Field>([
    ["authorization", "Bearer secret"],
    ["proxy-authorization", "Basic secret"],
    ["cookie", "sid=1"],
  ])("that is a secret is never indexed: %s", (name, value) => {
    for (const block of blocksOf(new HpackEncoder(), times(3, [name, value]))) {
      expect(block).toMatch(/^1f/);
      expect(block.endsWith(Buffer.from(value).toString("hex"))).toBe(true);
    }
  });

  it("that is a long cookie is not added", () => {
    const blocks = blocksOf(new HpackEncoder(), times(3, ["cookie", "s".repeat(20)]));
    expect(blocks).toEqual(Array(3).fill(`0f1114${"73".repeat(20)}`));
  });

  it("that came as never indexed goes on as never indexed", () => {
    const encoder = new HpackEncoder();
    const output = new GrowingOutput();
    encoder.secretField(output, fieldId("x-key"), "x-key", "k");
    encoder.secretField(output, PATH, ":path", "/k");
    expect(output.buffer.toString("hex", 0, output.position)).toBe("1005782d6b6579016b14022f6b");
  });

  it("that would fill most of the table is not added", () => {
    const pair = new HpackPair();
    const large: Field = ["x-large", "l".repeat(3100)];
    for (let i = 0; i < 3; i++) expect(pair.encode([large]).length).toBeGreaterThan(3100);
  });

  it("enters the table in the shorter form, but a long value as it is", () => {
    const value = "0".repeat(256);
    const added = (one: string): string =>
      blocksOf(new HpackEncoder(), times(2, ["via", one])).at(-1) ?? "";
    expect(added(value)).toBe(`7cff21${"00".repeat(160)}`);
    expect(added(`${value}0`)).toBe(`7c7f8201${"30".repeat(257)}`);
  });

  it("asks for room before it writes, also for the longest", () => {
    const output = new GrowingOutput();
    const encoder = new HpackEncoder();
    encoder.field(output, AUTHORITY, ":authority", "a".repeat(100_000));
    expect(output.position).toBe(1 + 4 + 100_000);
  });
});

describe("names without an id", () => {
  it("beyond those that there is place for are spelt out, and nothing is lost", () => {
    const pair = new HpackPair();
    const fields = Array.from({ length: 200 }, (_, i): Field => [`x-${i}`, `${i}`]);
    for (let i = 0; i < 5; i++) expect(pair.decode(pair.encode(fields))).toEqual(fields);
  });

  it("get the places of names whose entries have left the table", () => {
    const pair = new HpackPair();
    for (let i = 0; i < 1000; i++) {
      pair.encode([[`x-${i}`, "v".repeat(1000)]]);
      if (i < 900) continue;
      expect(pair.encode([[`x-${i}`, "v".repeat(1000)]])).toEqual(Buffer.from([0xbe]));
    }
  });
});

describe("the table's size", () => {
  it("is not spoken of where the peer allows as much as is used", () => {
    const encoder = new HpackEncoder();
    encoder.setTableSizeMax(65_536);
    expect(blocksOf(encoder, [[]])).toEqual([""]);
  });

  it("is announced at the start of the next block alone", () => {
    const encoder = new HpackEncoder();
    encoder.setTableSizeMax(100);
    expect(blocksOf(encoder, [[[":path", "/"]], [[":path", "/"]]])).toEqual(["3f4584", "84"]);
  });

  it("that fell and rose again is announced with its least", () => {
    const encoder = new HpackEncoder();
    encoder.setTableSizeMax(0);
    encoder.setTableSizeMax(65_536);
    expect(blocksOf(encoder, [[], []])).toEqual(["203fe11f", ""]);
  });

  it("that rises is announced once", () => {
    const encoder = new HpackEncoder();
    encoder.setTableSizeMax(0);
    expect(blocksOf(encoder, [[]])).toEqual(["20"]);
    encoder.setTableSizeMax(4096);
    expect(blocksOf(encoder, [[]])).toEqual(["3fe11f"]);
  });

  it("of 0 leaves literals only", () => {
    const encoder = new HpackEncoder();
    encoder.setTableSizeMax(0);
    const blocks = blocksOf(encoder, times(3, ["x-a", "1"]));
    expect(blocks).toEqual(["200003782d610131", "0003782d610131", "0003782d610131"]);
  });
});
