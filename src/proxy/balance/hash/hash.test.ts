import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Hash64 } from "./hash64.ts";
import { murmurHash2 } from "./murmur-hash.ts";
import { xxHash64 } from "./xx-hash.ts";

const ALL = (1n << 64n) - 1n;

function big({ hi, lo }: Hash64): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

function small(value: bigint): Hash64 {
  const hash = new Hash64();
  hash.set(Number(value >> 32n), Number(value & 0xffff_ffffn));
  return hash;
}

const word = fc.bigInt({ min: 0n, max: ALL });

describe("64 bits in two halves", () => {
  it("add, multiply, turn and divide as 64-bit integers do", () => {
    fc.assert(
      fc.property(word, word, fc.integer({ min: 1, max: 31 }), (a, b, bits) => {
        const other = small(b);
        const sum = small(a);
        sum.add(other.hi, other.lo);
        expect(big(sum)).toBe((a + b) & ALL);
        const product = small(a);
        product.multiply(other.hi, other.lo);
        expect(big(product)).toBe((a * b) & ALL);
        const turned = small(a);
        turned.rotateLeft(bits);
        expect(big(turned)).toBe(((a << BigInt(bits)) | (a >> BigInt(64 - bits))) & ALL);
        for (const shift of [bits, bits + 32]) {
          const mixed = small(a);
          mixed.xorShiftRight(shift);
          expect(big(mixed)).toBe(a ^ (a >> BigInt(shift)));
        }
        for (const divisor of [100, 65_537, 5_000_011]) {
          expect(small(a).modulo(divisor)).toBe(Number(a % BigInt(divisor)));
        }
      }),
      { numRuns: 500 },
    );
  });
});

function hashOf(
  hash: (bytes: Uint8Array, length: number, out: Hash64) => void,
  text: string,
  seed = 0,
): string {
  const out = new Hash64();
  out.set(0, seed);
  const bytes = Buffer.from(text, "latin1");
  hash(bytes, bytes.length, out);
  return out.toString();
}

describe("XXH64", () => {
  it.each([
    { text: "", seed: 0, hash: "ef46db3751d8e999" },
    { text: "a", seed: 0, hash: "d24ec4f1a98c6e5b" },
    { text: "abc", seed: 0, hash: "44bc2cf5ad770999" },
    { text: "foo", seed: 0, hash: "33bf00a859c4ba3f" },
    { text: "bar", seed: 0, hash: "48a37c90ad27a659" },
    { text: "Nobody inspects the spammish repetition", seed: 0, hash: "fbcea83c8a378bf1" },
    { text: "xxhash", seed: 20_141_025, hash: "b559b98d844e0635" },
  ])("of $text with seed $seed is $hash", ({ text, seed, hash }) => {
    expect(hashOf(xxHash64, text, seed)).toBe(hash);
  });
});

describe("MurmurHash2, which is libstdc++'s std::hash of a string,", () => {
  it.each([
    { text: "", hash: "553e93901e462a6e" },
    { text: "f", hash: "7c77be13d59fd7f3" },
    { text: "foo", hash: "85a8e535edf11e5a" },
    { text: "foobar", hash: "0df632c12592db33" },
    { text: "12345678", hash: "8c5b90a33a04dca5" },
    { text: "127.0.0.1:8080_17", hash: "31d6f52c97eda37b" },
    { text: "Nobody inspects the spammish repetition", hash: "c3b23f5033ade0d1" },
  ])("of $text is $hash", ({ text, hash }) => {
    expect(hashOf(murmurHash2, text)).toBe(hash);
  });
});
