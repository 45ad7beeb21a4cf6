import { readKeySet, type VerifyingKey } from "../../../../identity/keys/json-web-key.ts";
import {
  ED25519_LENGTH,
  type JwtStatus,
  KID_ALG_MISMATCH,
  OK,
  VERIFICATION_FAILS,
} from "../status.ts";
import type { Token } from "../token/token.ts";
import { loadJose } from "./jose.ts";

const ED25519_SIGNATURE_BYTES = 64;

/** A JSON Web Key Set (RFC 7517) at work: a provider's public keys. */
export class KeySet {
  readonly text: string;
  readonly #keys: readonly VerifyingKey[];

  private constructor(text: string, keys: readonly VerifyingKey[]) {
    this.text = text;
    this.#keys = keys;
  }

  /** Undefined where there is no key to verify with. */
  static read(text: string): KeySet | undefined {
    const keys = readKeySet(text);
    return keys && new KeySet(text, keys);
  }

  /** Whether one of these keys has signed the token, by an algorithm that goes with the key. */
  async verify(token: Token): Promise<JwtStatus> {
    const { compactVerify } = await loadJose();
    let matched = false;
    for (const { algorithms, alg, kid, object } of this.#keys) {
      if (token.kid !== "" && kid !== "" && kid !== token.kid) continue;
      if (alg !== "" && alg !== token.alg) continue;
      matched = true;
      if (!algorithms.includes(token.alg)) continue;
      if (token.alg === "EdDSA" && token.signatureLength !== ED25519_SIGNATURE_BYTES) {
        return ED25519_LENGTH;
      }
      try {
        await compactVerify(token.text, object, { algorithms: [token.alg] });
        return OK;
      } catch {
        // Another key may have signed it.
      }
    }
    return matched ? VERIFICATION_FAILS : KID_ALG_MISMATCH;
  }
}
