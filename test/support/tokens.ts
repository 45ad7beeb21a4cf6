import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/** Key pairs and tokens for tests: good ones, and whatever bytes a test wants to have signed. */

export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const CURVES: Readonly<Record<string, string>> = {
  ES256: "P-256",
  ES384: "P-384",
  ES512: "P-521",
};

const MODULUS_BITS = 2048;

export function signingKey(
  kid: string,
  alg: string,
  modulusLength: number = MODULUS_BITS,
): SigningKey {
  if (alg === "EdDSA") return { kid, alg, ...generateKeyPairSync("ed25519") };
  const namedCurve = CURVES[alg];
  const pair =
    namedCurve === undefined
      ? generateKeyPairSync("rsa", { modulusLength })
      : generateKeyPairSync("ec", { namedCurve });
  return { kid, alg, ...pair };
}

/** The public half, as it stands in a key set. */
export function publicJwk({ alg, kid, publicKey }: SigningKey): Readonly<Record<string, unknown>> {
  return { ...publicKey.export({ format: "jwk" }), kid, alg, use: "sig" };
}

export function jwksOf(...keys: readonly SigningKey[]): string {
  return JSON.stringify({ keys: keys.map(publicJwk) });
}

export function base64Url(text: string | Buffer): string {
  return Buffer.from(text).toString("base64url");
}

/** `header.payload.signature` of these texts, whatever they are. */
export function signText(header: string, payload: string, key: SigningKey): string {
  const signed = `${base64Url(header)}.${base64Url(payload)}`;
  return `${signed}.${base64Url(signatureOf(signed, key))}`;
}

export type Claims = Readonly<Record<string, unknown>>;

/** A token of these claims; `header` adds to and overwrites what its key says. */
export function token(claims: Claims, key: SigningKey, header: Claims = {}): string {
  const whole = { alg: key.alg, kid: key.kid, typ: "JWT", ...header };
  return signText(JSON.stringify(whole), JSON.stringify(claims), key);
}

/** A token signed with a shared secret. */
export function hmacToken(claims: Claims, secret: string | Buffer, header: Claims = {}): string {
  const whole = { alg: "HS256", typ: "JWT", ...header };
  const signed = `${base64Url(JSON.stringify(whole))}.${base64Url(JSON.stringify(claims))}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

function signatureOf(text: string, { alg, privateKey }: SigningKey): Buffer {
  const bytes = Buffer.from(text);
  if (alg === "EdDSA") return sign(null, bytes, privateKey);
  const digest = `sha${alg.slice(2)}`;
  if (alg.startsWith("ES")) {
    return sign(digest, bytes, { key: privateKey, dsaEncoding: "ieee-p1363" });
  }
  if (!alg.startsWith("PS")) return sign(digest, bytes, privateKey);
  return sign(digest, bytes, {
    key: privateKey,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  });
}
