import { type KeyObject, sign, verify } from "node:crypto";
import { NULL } from "../der/reader.ts";
import { element, objectIdentifier, sequence } from "../der/writer.ts";

/** How something is signed (RFC 5758 section 3.2, RFC 4055 section 5). */
interface SignatureAlgorithm {
  readonly hash: "sha256" | "sha384" | "sha512";
  readonly keyType: "ec" | "rsa";
  /** AlgorithmIdentifier, DER. */
  readonly identifier: Buffer;
}

const ALGORITHMS: readonly SignatureAlgorithm[] = [
  ecdsa("sha256", "1.2.840.10045.4.3.2"),
  ecdsa("sha384", "1.2.840.10045.4.3.3"),
  ecdsa("sha512", "1.2.840.10045.4.3.4"),
  rsa("sha256", "1.2.840.113549.1.1.11"),
  rsa("sha384", "1.2.840.113549.1.1.12"),
  rsa("sha512", "1.2.840.113549.1.1.13"),
];

function ecdsa(hash: SignatureAlgorithm["hash"], id: string): SignatureAlgorithm {
  return { hash, keyType: "ec", identifier: sequence(objectIdentifier(id)) };
}

function rsa(hash: SignatureAlgorithm["hash"], id: string): SignatureAlgorithm {
  return { hash, keyType: "rsa", identifier: sequence(objectIdentifier(id), element(NULL)) };
}

/** Something signed: what was signed, by which algorithm, and the signature's bytes. */
export interface Signed {
  readonly bytes: Buffer;
  /** AlgorithmIdentifier, DER. */
  readonly algorithm: Buffer;
  readonly signature: Buffer;
}

/** The AlgorithmIdentifier that `signWith` will use. Throws a RangeError for other kinds of key. */
export function algorithmOf(key: KeyObject): Buffer {
  return choose(key).identifier;
}

/** A signature by the key: ECDSA with the curve's hash, or RSA PKCS #1 with SHA-256. */
export function signWith(key: KeyObject, bytes: Buffer): Buffer {
  return sign(choose(key).hash, bytes, key);
}

function choose(key: KeyObject): SignatureAlgorithm {
  const hash = key.asymmetricKeyDetails?.namedCurve === "secp384r1" ? "sha384" : "sha256";
  const found = ALGORITHMS.find(
    (each) => each.keyType === key.asymmetricKeyType && each.hash === hash,
  );
  if (found === undefined)
    throw new RangeError(`a ${key.asymmetricKeyType} key signs nothing here`);
  return found;
}

/** What is wrong with a signature. */
export type SignatureFault = "algorithm" | "signature" | undefined;

/** Undefined where the key has signed these bytes. SHA-1, MD5 and RSA-PSS are not accepted. */
export function signatureFault(
  key: KeyObject,
  { bytes, algorithm, signature }: Signed,
): SignatureFault {
  const found = ALGORITHMS.find(
    (each) => each.keyType === key.asymmetricKeyType && each.identifier.equals(algorithm),
  );
  if (found === undefined) return "algorithm";
  try {
    return verify(found.hash, bytes, key, signature) ? undefined : "signature";
  } catch {
    return "signature";
  }
}
