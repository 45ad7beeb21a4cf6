import { generateKeyPairSync } from "node:crypto";

let made: string | undefined;

/**
 * A key set that no token was ever signed with: it stands where a provider's keys are not known, so
 * that all of its tokens are refused. The private half is thrown away before anybody has seen it,
 * and every process makes its own.
 */
export function nobodysKeys(): string {
  if (made === undefined) {
    const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const { crv, kty, x, y } = publicKey.export({ format: "jwk" });
    const key = { kty, crv, x, y, kid: "keys are not known yet", use: "sig" };
    made = JSON.stringify({ keys: [key] });
  }
  return made;
}
