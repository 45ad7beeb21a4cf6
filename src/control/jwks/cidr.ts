import { parseIp } from "../../base/ip-address.ts";

/** The addresses that share the first `bits` of `base`. */
export interface CidrBlock {
  readonly base: Uint8Array;
  readonly bits: number;
}

/** `10.0.0.0/8`, `::1`; undefined where the text is none. */
export function parseCidr(text: string): CidrBlock | undefined {
  const [address = "", length, ...more] = text.split("/");
  const base = parseIp(address);
  if (base === undefined || more.length > 0) return undefined;
  if (length === undefined) return { base, bits: base.length * 8 };
  const bits = Number(length);
  return /^\d{1,3}$/.test(length) && bits <= base.length * 8 ? { base, bits } : undefined;
}
