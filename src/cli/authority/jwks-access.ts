import { type CidrBlock, parseCidr } from "../../control/jwks/cidr.ts";
import type { JwksAccess } from "../../control/jwks/guarded-fetch.ts";

/** From where the control plane may fetch the keys of tokens. */
export interface JwksFlags {
  /** Blocks of addresses, separated by commas. */
  readonly jwksAllow?: string;
  readonly jwksHttp?: boolean;
}

/** Throws an Error that names what is no block of addresses. */
export function jwksAccess({ jwksAllow = "", jwksHttp = false }: JwksFlags): JwksAccess {
  const texts = jwksAllow.split(",").filter((text) => text.trim() !== "");
  const allowed = texts.map((text): CidrBlock => {
    const block = parseCidr(text.trim());
    if (block === undefined) throw new Error(`--jwks-allow ${text} is no block as 10.1.0.0/16`);
    return block;
  });
  return { allowed, plaintext: jwksHttp };
}
