// hot path: no allocation per request
import type { Random } from "../../base/random.ts";
import type { Fraction } from "../../model/filter/fraction.ts";

/** Draws whether this request is among the share (Envoy: ProtobufPercentHelper). */
export function holds({ numerator, denominator }: Fraction, random: Random): boolean {
  if (numerator === 0) return false;
  return numerator >= denominator || random.below(denominator) < numerator;
}
