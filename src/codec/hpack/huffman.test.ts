import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CODE_BITS, EOS } from "./huffman-code.ts";
import { HuffmanDecoder } from "./huffman-decoder.ts";
import { huffmanLength, writeHuffman } from "./huffman-encoder.ts";

function encode(text: string): Buffer {
  const coded = Buffer.alloc(huffmanLength(text) + 4);
  return coded.subarray(0, writeHuffman(text, coded, 0));
}

const decoder = new HuffmanDecoder();

/** The text of coded bytes, or what is wrong with them. */
function decode(coded: Buffer): { text: string } | { violation: string } {
  const violation = decoder.decode(coded, 0, coded.length);
  if (violation !== "none") return { violation };
  return { text: decoder.text.toString("latin1", 0, decoder.length) };
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
    const texts = characters.flatMap((one) => [one, ...characters.map((other) => one + other)]);
    const lost = texts.filter((text) => {
      const decoded = decode(encode(text));
      return !("text" in decoded) || decoded.text !== text;
    });
    expect(lost).toEqual([]);
  });

  it("decodes to any text", () => {
    const text = fc.uint8Array({ maxLength: 80 }).map((codes) => String.fromCharCode(...codes));
    fc.assert(
      fc.property(text, (one) => {
        expect(decode(encode(one))).toEqual({ text: one });
      }),
    );
  });

  it("is the only form of its text: other bits are refused", () => {
    const ones = fc.constantFrom(0xff, 0xfe, 0x7f);
    const bytes = fc.array(fc.oneof(ones, fc.nat(255)), { maxLength: 12 });
    fc.assert(
      fc.property(bytes, (octets) => {
        const coded = Buffer.from(octets);
        const decoded = decode(coded);
        if ("text" in decoded) expect(encode(decoded.text)).toEqual(coded);
        else expect(decoded.violation).toMatch(/^huffman(Eos|Padding)$/);
      }),
      { numRuns: 3000 },
    );
  });

  it("is as long as was said before", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary-ascii" }), (text) => {
        expect(encode(text).length).toBe(huffmanLength(text));
      }),
    );
  });

  it("is known to be visible ASCII where no code is longer than twelve bits", () => {
    decode(encode("GET /reviews?a=(b)|c#"));
    expect(decoder.common).toBe(true);
    for (const odd of ["\t", "\n", "\0", "\x7f", "\xe9"]) {
      decode(encode(`GET${odd}`));
      expect(decoder.common).toBe(false);
    }
  });
});
