import { describe, expect, it } from "vitest";
import { jwksOf, publicJwk, signingKey } from "../../../test/support/tokens.ts";
import { publicKeySet, readKeySet } from "./json-web-key.ts";

const RSA = signingKey("rsa", "RS256");
const EC = signingKey("ec", "ES256");
const ED = signingKey("ed", "EdDSA");

function setOf(...keys: readonly unknown[]): string {
  return JSON.stringify({ keys });
}

describe("the keys of a set", () => {
  it("verify as their type and curve go", () => {
    const { alg: _, ...rsa } = publicJwk(RSA);
    expect(readKeySet(setOf(rsa, publicJwk(EC), publicJwk(ED)))).toMatchObject([
      { kid: "rsa", alg: "", algorithms: ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] },
      { kid: "ec", alg: "ES256", algorithms: ["ES256"] },
      { kid: "ed", alg: "EdDSA", algorithms: ["EdDSA"] },
    ]);
  });

  it.each([
    ["shared secrets", { kty: "oct", k: "c2VjcmV0" }],
    ["keys to encrypt with", { ...publicJwk(RSA), use: "enc" }],
    ["keys that only sign", { ...publicJwk(RSA), key_ops: ["sign"] }],
    ["short ones", publicJwk(signingKey("short", "RS256", 1024))],
    ["another curve's algorithm", { ...publicJwk(EC), alg: "ES384" }],
    ["another type's algorithm", { ...publicJwk(RSA), alg: "HS256" }],
    ["an unknown curve", { ...publicJwk(EC), crv: "secp256k1", alg: "ES256K" }],
    ["a point off its curve", { ...publicJwk(EC), x: publicJwk(EC).y }],
    ["an inherited type", { kty: "__proto__" }],
    ["missing members", { kty: "RSA", n: "AQAB" }],
    ["members of another type", { ...publicJwk(RSA), n: 5 }],
    ["no key at all", null],
    ["a list", []],
  ])("are without %s", (_, key) => {
    expect(readKeySet(setOf(key))).toBeUndefined();
    expect(readKeySet(setOf(key, publicJwk(ED)))).toHaveLength(1);
  });

  it("are at most a hundred", () => {
    const many = Array.from({ length: 101 }, () => publicJwk(ED));
    expect(readKeySet(setOf(...many.slice(1)))).toHaveLength(100);
    expect(readKeySet(setOf(...many))).toBeUndefined();
  });

  it.each([
    ["no JSON", "{"],
    ["no set", "[]"],
    ["no keys", "{}"],
    ["two sets in one", `{"keys":[],${jwksOf(ED).slice(1)}`],
  ])("are none where there is %s", (_, text) => {
    expect(readKeySet(text)).toBeUndefined();
  });

  it("go on without their private half", () => {
    const secret = { ...RSA.privateKey.export({ format: "jwk" }), kid: "rsa", x5c: ["MII"] };
    const { n, e } = publicJwk(RSA);
    expect(JSON.parse(publicKeySet(setOf(secret)) ?? "")).toEqual({
      keys: [{ kty: "RSA", n, e, kid: "rsa", use: "sig" }],
    });
  });
});
