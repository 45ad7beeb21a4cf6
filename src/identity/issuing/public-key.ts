import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import { BIT_STRING, elementsOf, only, SEQUENCE } from "../der/reader.ts";
import { objectIdentifier } from "../der/writer.ts";

const EC_PUBLIC_KEY = objectIdentifier("1.2.840.10045.2.1");
const RSA_ENCRYPTION = objectIdentifier("1.2.840.113549.1.1.1");
/** Curves that are named, never spelt out: a spelt out one may be anything (CVE-2020-0601). */
const CURVES: readonly Buffer[] = [
  objectIdentifier("1.2.840.10045.3.1.7"),
  objectIdentifier("1.3.132.0.34"),
];
const RSA_BITS_MIN = 2048;
/** Verifying a longer one costs more than a stranger should be able to ask for. */
const RSA_BITS_MAX = 8192;
const RSA_EXPONENT_MIN = 65_537n;
const RSA_EXPONENT_MAX = 2n ** 32n;
const KEY_IDENTIFIER_BYTES = 20;

/** The keys that are certified, for messages. */
export const ACCEPTED_KEYS = "ECDSA P-256 or P-384, or RSA of 2048 to 8192 bits";

/**
 * Reads a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7). Throws a RangeError where it is no key
 * of the accepted kinds.
 */
export function readPublicKey(spki: Buffer): KeyObject {
  const [algorithm, key] = elementsOf(only(elementsOf(spki), SEQUENCE));
  const [kind, parameters] = elementsOf(only([algorithm], SEQUENCE));
  if (kind?.raw.equals(EC_PUBLIC_KEY)) {
    const named = CURVES.some((curve) => parameters?.raw.equals(curve));
    if (!named) throw new RangeError(`the key's curve is not accepted: ${ACCEPTED_KEYS}`);
  } else if (!kind?.raw.equals(RSA_ENCRYPTION)) {
    throw new RangeError(`this kind of key is not accepted: ${ACCEPTED_KEYS}`);
  }
  only([key], BIT_STRING);
  const found = parse(spki);
  const fault = keyFault(found);
  if (fault !== undefined) throw new RangeError(fault);
  return found;
}

function parse(spki: Buffer): KeyObject {
  try {
    return createPublicKey({ key: spki, type: "spki", format: "der" });
  } catch {
    throw new RangeError("the key's bytes are no key");
  }
}

/** Why a key is not certified, nor used to certify; undefined where it is. */
export function keyFault(key: KeyObject): string | undefined {
  const details = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === "ec") {
    const known = details.namedCurve === "prime256v1" || details.namedCurve === "secp384r1";
    return known ? undefined : `the key's curve is not accepted: ${ACCEPTED_KEYS}`;
  }
  if (key.asymmetricKeyType !== "rsa") {
    return `this kind of key is not accepted: ${ACCEPTED_KEYS}`;
  }
  const { modulusLength = 0, publicExponent = 0n } = details;
  if (modulusLength < RSA_BITS_MIN || modulusLength > RSA_BITS_MAX) {
    return `an RSA key of ${modulusLength} bits is not accepted: ${ACCEPTED_KEYS}`;
  }
  const odd = publicExponent % 2n === 1n;
  if (!odd || publicExponent < RSA_EXPONENT_MIN || publicExponent > RSA_EXPONENT_MAX) {
    return "an RSA key with this exponent is not accepted: 65537 is usual";
  }
  return undefined;
}

/** SubjectPublicKeyInfo, DER. */
export function spkiOf(key: KeyObject): Buffer {
  return key.export({ type: "spki", format: "der" });
}

/** A key's identifier: the leftmost 160 bits of SHA-256 of its bits (RFC 7093 section 2, 1). */
export function keyIdentifierOf(key: KeyObject): Buffer {
  const [, bits] = elementsOf(only(elementsOf(spkiOf(key)), SEQUENCE));
  const digest = createHash("sha256")
    .update(only([bits], BIT_STRING).subarray(1))
    .digest();
  return digest.subarray(0, KEY_IDENTIFIER_BYTES);
}
