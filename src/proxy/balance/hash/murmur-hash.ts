// hot path: no allocation per request
import { Hash64 } from "./hash64.ts";

const MULTIPLIER_HI = 0xc6a4_a793;
const MULTIPLIER_LO = 0x5bd1_e995;

/** The seed of libstdc++'s `std::hash`, which Envoy's MURMUR_HASH_2 keeps to. */
const SEED = 0xc70f_6907;

const lane = new Hash64();

/** MurmurHash2, its 64-bit form (MurmurHash64A), of the first `length` bytes, into `out`. */
export function murmurHash2(bytes: Uint8Array, length: number, out: Hash64): void {
  out.set(0, length);
  out.multiply(MULTIPLIER_HI, MULTIPLIER_LO);
  out.xor(0, SEED);
  const whole = length & ~7;
  for (let at = 0; at < whole; at += 8) {
    lane.set(wordAt(bytes, at + 4, 4), wordAt(bytes, at, 4));
    lane.multiply(MULTIPLIER_HI, MULTIPLIER_LO);
    lane.xorShiftRight(47);
    lane.multiply(MULTIPLIER_HI, MULTIPLIER_LO);
    out.xor(lane.hi, lane.lo);
    out.multiply(MULTIPLIER_HI, MULTIPLIER_LO);
  }
  const rest = length - whole;
  if (rest > 0) {
    out.xor(wordAt(bytes, whole + 4, rest - 4), wordAt(bytes, whole, Math.min(4, rest)));
    out.multiply(MULTIPLIER_HI, MULTIPLIER_LO);
  }
  out.xorShiftRight(47);
  out.multiply(MULTIPLIER_HI, MULTIPLIER_LO);
  out.xorShiftRight(47);
}

/** Up to four bytes, the least significant first. */
function wordAt(bytes: Uint8Array, at: number, count: number): number {
  let word = 0;
  for (let i = 0; i < count; i++) word |= (bytes[at + i] as number) << (8 * i);
  return word;
}
