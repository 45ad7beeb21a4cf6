import { createPublicKey, type KeyObject } from "node:crypto";
import {
  type JsonFields,
  type JsonValue,
  parseStrictJson,
} from "../../base/document/strict-json.ts";

/** Each of them may have to be tried for a token that names none. */
const KEYS_MAX = 100;
/** What is shorter can be broken, and is refused by RFC 7518 section 3.3. */
const RSA_BITS_MIN = 2048;

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

/** A key that verifies signatures (RFC 7517). */
export interface VerifyingKey {
  /** Empty: it may be meant by any `kid`. */
  readonly kid: string;
  /** Empty: any of `algorithms`. */
  readonly alg: string;
  /** What goes with its type and curve. */
  readonly algorithms: readonly string[];
  readonly object: KeyObject;
  /** Its public members. */
  readonly members: Readonly<Record<string, string>>;
}

/**
 * The keys of a JSON Web Key Set that verify: no shared secrets, none that encrypt, no broken or
 * short ones. Undefined where it is no set, has none of them, or more keys than may be.
 */
export function readKeySet(text: string): readonly VerifyingKey[] | undefined {
  const list = parseStrictJson(text)?.keys;
  if (!Array.isArray(list) || list.length > KEYS_MAX) return undefined;
  const keys = list.flatMap((one: JsonValue) => readKey(one) ?? []);
  return keys.length === 0 ? undefined : keys;
}

/** The same set with nothing in it but what verifies; undefined as `readKeySet` has it. */
export function publicKeySet(text: string): string | undefined {
  const keys = readKeySet(text)?.map(({ alg, kid, members }) => ({
    ...members,
    ...(kid === "" ? {} : { kid }),
    ...(alg === "" ? {} : { alg }),
    use: "sig",
  }));
  return keys && JSON.stringify({ keys });
}

function readKey(value: JsonValue): VerifyingKey | undefined {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return undefined;
  const jwk = value as JsonFields;
  const type = textOf(jwk, "kty");
  const names = Object.hasOwn(PUBLIC_MEMBERS, type) ? PUBLIC_MEMBERS[type] : undefined;
  if (names === undefined || !isForVerifying(jwk)) return undefined;
  const curve = textOf(jwk, "crv") || (type === "EC" ? "P-256" : "");
  const algorithms = type === "RSA" ? RSA_ALGORITHMS : algorithmsOfCurve(curve);
  const alg = textOf(jwk, "alg");
  if (algorithms.length === 0 || (alg !== "" && !algorithms.includes(alg))) return undefined;
  const members: Record<string, string> = { kty: type };
  for (const name of names) members[name] = name === "crv" ? curve : textOf(jwk, name);
  const object = importKey(members);
  if (object === undefined) return undefined;
  const bits = object.asymmetricKeyDetails?.modulusLength ?? RSA_BITS_MIN;
  if (bits < RSA_BITS_MIN) return undefined;
  return { kid: textOf(jwk, "kid"), alg, algorithms, object, members };
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
function isForVerifying(jwk: JsonFields): boolean {
  const { key_ops: operations, use } = jwk;
  if (use !== undefined && use !== "sig") return false;
  return !Array.isArray(operations) || operations.includes("verify");
}

function textOf(jwk: JsonFields, name: string): string {
  const value = Object.hasOwn(jwk, name) ? jwk[name] : undefined;
  return typeof value === "string" ? value : "";
}
