import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeStruct, encodeStruct } from "./struct-codec.ts";

const text = fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" });
const fields = fc.dictionary(text, fc.oneof(fc.string(), fc.dictionary(text, fc.string())), {
  maxKeys: 10,
  noNullPrototype: false,
});

describe("peer metadata's Struct", () => {
  it("reads back what it wrote", () => {
    fc.assert(
      fc.property(fields, (written) => {
        expect(decodeStruct(encodeStruct(written))).toEqual(written);
      }),
    );
  });

  it("never throws on strangers' bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decodeStruct(bytes);
      }),
    );
  });

  it("refuses every cut of a valid Struct but those between fields", () => {
    const bytes = encodeStruct({ NAME: "reviews-v1", LABELS: { app: "reviews" } });
    const firstField = (bytes[1] ?? 0) + 2;
    for (let end = 1; end < bytes.length; end++) {
      const decoded = decodeStruct(bytes.subarray(0, end));
      expect(decoded === undefined).toBe(end !== firstField);
    }
  });

  it("refuses a length beyond its end", () => {
    expect(decodeStruct(Uint8Array.of(0x0a, 0xff, 0xff, 0x03))).toBeUndefined();
  });

  it("refuses a nesting deeper than any workload's", () => {
    let deep: Record<string, string | object> = { a: "b" };
    for (let depth = 0; depth < 8; depth++) deep = { a: deep };
    expect(decodeStruct(encodeStruct(deep as never))).toBeUndefined();
  });

  it("takes a field called __proto__ as a plain name", () => {
    const hostile = JSON.parse('{"__proto__": {"polluted": "yes"}}');
    const decoded = decodeStruct(encodeStruct(hostile));
    expect(Object.keys(decoded ?? {})).toEqual(["__proto__"]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});
