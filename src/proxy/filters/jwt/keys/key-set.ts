import { createPublicKey, type KeyObject } from "node:crypto";
import type { MetadataFields, MetadataValue } from "../../dynamic-metadata.ts";
import {
  ED25519_LENGTH,
  type JwtStatus,
  KID_ALG_MISMATCH,
  OK,
  VERIFICATION_FAILS,
} from "../status.ts";
import { parseStrictJson } from "../token/strict-json.ts";
import type { Token } from "../token/token.ts";
import { loadJose } from "./jose.ts";

/** Each of them may have to be tried for a token that names none. */
const KEYS_MAX = 100;
/** What is shorter can be broken, and is refused by RFC 7518 section 3.3. */
const RSA_BITS_MIN = 2048;
const ED25519_SIGNATURE_BYTES = 64;

const RSA_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];

/** A curve signs in one way (RFC 7518 section 3.4, RFC 8037). */
const CURVE_ALGORITHMS: Readonly<Record<string, string>> = {
  "P-256": "ES256",
  "P-384": "ES384",
  "P-521": "ES512",
  Ed25519: "EdDSA",
};

/** The public members of a key, by type: whatever else stands there is not looked at. */
const PUBLIC_MEMBERS: Readonly<Record<string, readonly string[]>> = {
  EC: ["crv", "x", "y"],
  OKP: ["crv", "x"],
  RSA: ["n", "e"],
};

interface PublicKey {
  /** Empty: it may be meant by any `kid`. */
  readonly kid: string;
  /** Empty: whatever its type allows. */
  readonly alg: string;
  readonly algorithms: readonly string[];
  readonly object: KeyObject;
}

/** A JSON Web Key Set (RFC 7517): a provider's public keys. Shared secrets are none. */
export class KeySet {
  readonly text: string;
  readonly #keys: readonly PublicKey[];

  private constructor(text: string, keys: readonly PublicKey[]) {
    this.text = text;
    this.#keys = keys;
  }

  /** Undefined where it is no key set, or has no key to verify with, or more than may be. */
  static read(text: string): KeySet | undefined {
    const list = parseStrictJson(text)?.keys;
    if (!Array.isArray(list) || list.length > KEYS_MAX) return undefined;
    const keys = list.flatMap((one: MetadataValue) => readKey(one) ?? []);
    return keys.length === 0 ? undefined : new KeySet(text, keys);
  }

  /** Whether one of these keys has signed the token, by the algorithm that goes with the key. */
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

/** Undefined for what verifies nothing: shared secrets, keys to encrypt with, broken ones. */
function readKey(value: MetadataValue): PublicKey | undefined {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return undefined;
  const jwk = value as MetadataFields;
  const type = textOf(jwk, "kty");
  const members = Object.hasOwn(PUBLIC_MEMBERS, type) ? PUBLIC_MEMBERS[type] : undefined;
  if (members === undefined || !isForVerifying(jwk)) return undefined;
  const curve = textOf(jwk, "crv") || (type === "EC" ? "P-256" : "");
  const algorithms = type === "RSA" ? RSA_ALGORITHMS : algorithmsOfCurve(curve);
  const alg = textOf(jwk, "alg");
  if (algorithms.length === 0 || (alg !== "" && !algorithms.includes(alg))) return undefined;
  const key: Record<string, string> = { kty: type };
  for (const name of members) key[name] = name === "crv" ? curve : textOf(jwk, name);
  const object = importKey(key);
  if (object === undefined) return undefined;
  const bits = object.asymmetricKeyDetails?.modulusLength ?? RSA_BITS_MIN;
  if (bits < RSA_BITS_MIN) return undefined;
  return { kid: textOf(jwk, "kid"), alg, algorithms, object };
}

function importKey(key: Readonly<Record<string, string>>): KeyObject | undefined {
  try {
    return createPublicKey({ key, format: "jwk" });
  } catch {
    return undefined;
  }
}

function algorithmsOfCurve(curve: string): readonly string[] {
  const alg = Object.hasOwn(CURVE_ALGORITHMS, curve) ? CURVE_ALGORITHMS[curve] : undefined;
  return alg === undefined ? [] : [alg];
}

/** RFC 7517 sections 4.2 and 4.3. */
function isForVerifying(jwk: MetadataFields): boolean {
  const { key_ops: operations, use } = jwk;
  if (use !== undefined && use !== "sig") return false;
  return !Array.isArray(operations) || operations.includes("verify");
}

function textOf(jwk: MetadataFields, name: string): string {
  const value = Object.hasOwn(jwk, name) ? jwk[name] : undefined;
  return typeof value === "string" ? value : "";
}
