import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import "reflect-metadata";
import {
  Pkcs10CertificateRequest,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
} from "@peculiar/x509";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pemBlocks, pemOf } from "../der/pem.ts";
import { CONTEXT } from "../der/reader.ts";
import { bitString, element, integer, objectIdentifier, sequence } from "../der/writer.ts";
import { makeCertificateRequest, readCertificateRequest } from "./certificate-request.ts";

const LABEL = "CERTIFICATE REQUEST";
const SHA256_RSA = sequence(objectIdentifier("1.2.840.113549.1.1.11"), element(0x05));
const SHA1_RSA = sequence(objectIdentifier("1.2.840.113549.1.1.5"), element(0x05));
const ED25519 = sequence(objectIdentifier("1.3.101.112"));
const SHA256_ECDSA = sequence(objectIdentifier("1.2.840.10045.4.3.2"));

interface Forged {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

interface KeyPair {
  readonly publicKey: CryptoKey;
  readonly privateKey: CryptoKey;
}

/** A request of any key, signed in any way. */
function forge({ publicKey, privateKey }: Forged, algorithm: Buffer, hash: string | null): string {
  const spki = publicKey.export({ type: "spki", format: "der" });
  const info = sequence(integer(0), sequence(), spki, element(CONTEXT));
  const signature = bitString(sign(hash, info, privateKey));
  return pemOf(LABEL, sequence(info, algorithm, signature));
}

const good = generateKeyPairSync("ec", { namedCurve: "P-256" });

describe("a certificate request", () => {
  it("is one that others can read, and names nobody", async () => {
    const request = new Pkcs10CertificateRequest(makeCertificateRequest(good.privateKey));
    expect(await request.verify()).toBe(true);
    expect(request.subject).toBe("");
    expect(request.extensions).toEqual([]);
  });

  it("gives its key alone, whatever names it asks for", async () => {
    const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
    const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const request = await Pkcs10CertificateRequestGenerator.create({
      name: "CN=admin",
      keys: keys as KeyPair,
      signingAlgorithm: algorithm,
      extensions: [
        new SubjectAlternativeNameExtension([
          { type: "url", value: "spiffe://cluster.local/ns/kube-system/sa/admin" },
        ]),
      ],
    });
    const key = readCertificateRequest(request.toString("pem"));
    const spki = await crypto.subtle.exportKey("spki", (keys as KeyPair).publicKey);
    expect(key.export({ type: "spki", format: "der" })).toEqual(Buffer.from(spki));
  });

  it.each([
    ["P-256", () => generateKeyPairSync("ec", { namedCurve: "P-256" })],
    ["P-384", () => generateKeyPairSync("ec", { namedCurve: "P-384" })],
    ["RSA of 2048 bits", () => generateKeyPairSync("rsa", { modulusLength: 2048 })],
  ])("of %s is taken", (_what, make) => {
    const { publicKey, privateKey } = make();
    const read = readCertificateRequest(makeCertificateRequest(privateKey));
    expect(read.equals(publicKey)).toBe(true);
  });

  it.each([
    [
      "RSA of 512 bits",
      () => forge(generateKeyPairSync("rsa", { modulusLength: 512 }), SHA256_RSA, "sha256"),
      "an RSA key of 512 bits is not accepted",
    ],
    [
      "RSA of 1024 bits",
      () => forge(generateKeyPairSync("rsa", { modulusLength: 1024 }), SHA256_RSA, "sha256"),
      "an RSA key of 1024 bits is not accepted",
    ],
    [
      "RSA with the exponent 3",
      () => {
        const keys = generateKeyPairSync("rsa", { modulusLength: 2048, publicExponent: 3 });
        return forge(keys, SHA256_RSA, "sha256");
      },
      "this exponent is not accepted",
    ],
    [
      "P-192",
      () => forge(generateKeyPairSync("ec", { namedCurve: "prime192v1" }), SHA256_ECDSA, "sha256"),
      "the key's curve is not accepted",
    ],
    [
      "secp256k1",
      () => forge(generateKeyPairSync("ec", { namedCurve: "secp256k1" }), SHA256_ECDSA, "sha256"),
      "the key's curve is not accepted",
    ],
    [
      "a curve that is spelt out",
      () => {
        const paramEncoding = "explicit" as const;
        const keys = generateKeyPairSync("ec", { namedCurve: "P-256", paramEncoding });
        return forge(keys, SHA256_ECDSA, "sha256");
      },
      "the key's curve is not accepted",
    ],
    [
      "Ed25519",
      () => forge(generateKeyPairSync("ed25519"), ED25519, null),
      "this kind of key is not accepted",
    ],
    [
      "a signature with SHA-1",
      () => forge(generateKeyPairSync("rsa", { modulusLength: 2048 }), SHA1_RSA, "sha1"),
      "signature algorithm is not accepted",
    ],
    [
      "a key that did not sign it",
      () => {
        const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
        return forge({ publicKey: good.publicKey, privateKey }, SHA256_ECDSA, "sha256");
      },
      "is not signed by its own key",
    ],
    ["nothing", () => "", "is not one PEM block"],
    [
      "two requests",
      () => makeCertificateRequest(good.privateKey).repeat(2),
      "is not one PEM block",
    ],
    ["more than 16 KiB", () => "x".repeat(16 * 1024 + 1), "is longer than 16384 bytes"],
    ["a block of something else", () => pemOf(LABEL, Buffer.from("hello")), "not DER"],
  ])("of %s is refused", (_what, make, message) => {
    expect(() => readCertificateRequest(make())).toThrow(RangeError);
    expect(() => readCertificateRequest(make())).toThrow(message);
  });

  it("is a RangeError where a byte of it is another", () => {
    const pem = makeCertificateRequest(good.privateKey);
    const [der = Buffer.alloc(0)] = pemBlocks(pem, LABEL);
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Buffer.from(der);
        changed[at] = (changed[at] ?? 0) ^ change;
        expect(() => readCertificateRequest(pemOf(LABEL, changed))).toThrow(RangeError);
      }),
      { numRuns: 500 },
    );
  });

  it("is a RangeError where it is cut, at every cut", () => {
    const [der = Buffer.alloc(0)] = pemBlocks(makeCertificateRequest(good.privateKey), LABEL);
    for (let cut = 0; cut < der.length; cut++) {
      const pem = pemOf(LABEL, der.subarray(0, cut));
      expect(() => readCertificateRequest(pem), `cut at ${cut}`).toThrow(RangeError);
    }
  });
});
