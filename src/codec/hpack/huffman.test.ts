import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CODE_BITS, EOS } from "./huffman-code.ts";
import { BAD_EOS, BAD_PADDING, decodedMax, decodeHuffman } from "./huffman-decoder.ts";
import { huffmanLength, writeHuffman } from "./huffman-encoder.ts";

function encode(text: string): Buffer {
  const coded = Buffer.alloc(huffmanLength(text));
  expect(writeHuffman(text, coded, 0)).toBe(coded.length);
  return coded;
}

/** The text of coded bytes, or what is bad about them. */
function decode(coded: Buffer): string | number {
  const target = Buffer.alloc(decodedMax(coded.length) + 1);
  const length = decodeHuffman(coded, 0, coded.length, target);
  return length < 0 ? length : target.toString("latin1", 0, length);
}

describe("the code", () => {
  it("leaves no sequence of bits without a meaning", () => {
    const share = CODE_BITS.reduce((sum, bits) => sum + 2 ** -bits, 0);
    expect(share).toBe(1);
  });
});

describe("coded text", () => {
  it("decodes to every single character, and to every two", () => {
    const characters = Array.from({ length: EOS }, (_, code) => String.fromCharCode(code));
    for (const first of characters) {
      expect(decode(encode(first))).toBe(first);
      for (const second of characters) expect(decode(encode(first + second))).toBe(first + second);
    }
  });

  it("decodes to any text", () => {
    const text = fc.uint8Array({ maxLength: 80 }).map((codes) => String.fromCharCode(...codes));
    fc.assert(
      fc.property(text, (one) => {
        expect(decode(encode(one))).toBe(one);
      }),
    );
  });

  it("is the only form of its text: other bits are refused", () => {
    const ones = fc.constantFrom(0xff, 0xfe, 0x7f);
    const bytes = fc.array(fc.oneof(ones, fc.nat(255)), { maxLength: 12 });
    fc.assert(
      fc.property(bytes, (octets) => {
        const coded = Buffer.from(octets);
        const text = decode(coded);
        if (typeof text === "string") expect(encode(text)).toEqual(coded);
        else expect([BAD_EOS, BAD_PADDING]).toContain(text);
      }),
      { numRuns: 3000 },
    );
  });
});
