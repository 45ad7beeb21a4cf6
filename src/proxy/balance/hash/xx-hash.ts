// hot path: no allocation per request
import { Hash64 } from "./hash64.ts";

/** The primes of XXH64, as halves (Collet: xxHash fast digest algorithm, section XXH64). */
const P1_HI = 0x9e37_79b1;
const P1_LO = 0x85eb_ca87;
const P2_HI = 0xc2b2_ae3d;
const P2_LO = 0x27d4_eb4f;
const P3_HI = 0x1656_67b1;
const P3_LO = 0x9e37_79f9;
const P4_HI = 0x85eb_ca77;
const P4_LO = 0xc2b2_ae63;
const P5_HI = 0x27d4_eb2f;
const P5_LO = 0x1656_67c5;

const STRIPE = 32;

const lane = new Hash64();
const accumulators = [new Hash64(), new Hash64(), new Hash64(), new Hash64()] as const;

/** XXH64 of the first `length` bytes, into `out`; the seed is what `out` holds before. */
export function xxHash64(bytes: Uint8Array, length: number, out: Hash64): void {
  let at = 0;
  if (length >= STRIPE) at = hashStripes(bytes, length, out);
  else out.add(P5_HI, P5_LO);
  out.add(0, length);
  for (; at + 8 <= length; at += 8) {
    round(lane, 0, 0, bytes, at);
    out.xor(lane.hi, lane.lo);
    out.rotateLeft(27);
    out.multiply(P1_HI, P1_LO);
    out.add(P4_HI, P4_LO);
  }
  if (at + 4 <= length) {
    lane.set(0, wordAt(bytes, at));
    lane.multiply(P1_HI, P1_LO);
    out.xor(lane.hi, lane.lo);
    out.rotateLeft(23);
    out.multiply(P2_HI, P2_LO);
    out.add(P3_HI, P3_LO);
    at += 4;
  }
  for (; at < length; at++) {
    lane.set(0, bytes[at] as number);
    lane.multiply(P5_HI, P5_LO);
    out.xor(lane.hi, lane.lo);
    out.rotateLeft(11);
    out.multiply(P1_HI, P1_LO);
  }
  out.xorShiftRight(33);
  out.multiply(P2_HI, P2_LO);
  out.xorShiftRight(29);
  out.multiply(P3_HI, P3_LO);
  out.xorShiftRight(32);
}

/** Whole stripes of 32 bytes through four accumulators. Where they end. */
function hashStripes(bytes: Uint8Array, length: number, out: Hash64): number {
  const [a, b, c, d] = accumulators;
  a.copy(out);
  a.add(P1_HI, P1_LO);
  a.add(P2_HI, P2_LO);
  b.copy(out);
  b.add(P2_HI, P2_LO);
  c.copy(out);
  d.copy(out);
  d.add(~P1_HI, -P1_LO);
  let at = 0;
  for (; at + STRIPE <= length; at += STRIPE) {
    round(a, a.hi, a.lo, bytes, at);
    round(b, b.hi, b.lo, bytes, at + 8);
    round(c, c.hi, c.lo, bytes, at + 16);
    round(d, d.hi, d.lo, bytes, at + 24);
  }
  out.set(0, 0);
  addRotated(out, a, 1);
  addRotated(out, b, 7);
  addRotated(out, c, 12);
  addRotated(out, d, 18);
  merge(out, a);
  merge(out, b);
  merge(out, c);
  merge(out, d);
  return at;
}

/** One step of an accumulator; its value before comes as halves. */
function round(into: Hash64, hi: number, lo: number, bytes: Uint8Array, at: number): void {
  into.set(wordAt(bytes, at + 4), wordAt(bytes, at));
  into.multiply(P2_HI, P2_LO);
  into.add(hi, lo);
  into.rotateLeft(31);
  into.multiply(P1_HI, P1_LO);
}

function addRotated(out: Hash64, accumulator: Hash64, bits: number): void {
  lane.copy(accumulator);
  lane.rotateLeft(bits);
  out.add(lane.hi, lane.lo);
}

function merge(out: Hash64, accumulator: Hash64): void {
  lane.copy(accumulator);
  lane.multiply(P2_HI, P2_LO);
  lane.rotateLeft(31);
  lane.multiply(P1_HI, P1_LO);
  out.xor(lane.hi, lane.lo);
  out.multiply(P1_HI, P1_LO);
  out.add(P4_HI, P4_LO);
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}
