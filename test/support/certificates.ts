/** Certificates that tests make for themselves: an authority, and what it signs. */
import "reflect-metadata";
import { createHash, webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
  X509CrlGenerator,
} from "@peculiar/x509";

const crypto = webcrypto as unknown as Crypto;

const DAY_MS = 86_400_000;
const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const SUBJECT_ALT_NAME = "2.5.29.17";
const GARBLED = Uint8Array.of(0x30, 0x84);
const RSA = {
  name: "RSASSA-PKCS1-v1_5",
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
  hash: "SHA-256",
};

interface KeyPair {
  readonly publicKey: CryptoKey;
  readonly privateKey: CryptoKey;
}

export interface CertificateOptions {
  readonly name?: string;
  readonly sans?: readonly JsonGeneralName[];
  /** Days from now; negative ones have passed. Default: 1. */
  readonly days?: number;
  readonly key?: "ecdsa" | "rsa";
  /** What it is for; default both. */
  readonly usage?: "client" | "server" | "both";
  /** Its subject alternative names are no DER. */
  readonly garbled?: boolean;
}

/** A certificate with its key, as PEM. */
export interface TestCertificate {
  /** Followed by the intermediate authorities that signed it. */
  readonly chain: string;
  readonly key: string;
  readonly der: Buffer;
  /** Lower case hexadecimal SHA-256 of the DER. */
  readonly sha256: string;
  /** Base64 SHA-256 of the public key's DER. */
  readonly spki: string;
}

/** An authority of the test's own. */
export class TestAuthority {
  /** Its own certificate, PEM. */
  readonly pem: string;
  readonly #certificate: X509Certificate;
  readonly #keys: KeyPair;
  /** The intermediates up to, and without, the root. */
  readonly #above: string;
  #serial = 1;

  private constructor(certificate: X509Certificate, keys: KeyPair, above: string) {
    this.pem = `${certificate.toString("pem")}\n`;
    this.#certificate = certificate;
    this.#keys = keys;
    this.#above = above;
  }

  static async create(name = "test authority"): Promise<TestAuthority> {
    const keys = await keysOf("ecdsa");
    const certificate = await X509CertificateGenerator.createSelfSigned(
      {
        name: `CN=${name}`,
        keys,
        signingAlgorithm: ECDSA,
        serialNumber: "01",
        ...validity(1),
        extensions: authorityExtensions(),
      },
      crypto,
    );
    return new TestAuthority(certificate, keys, "");
  }

  /** An authority that this one vouches for. */
  async intermediate(name: string): Promise<TestAuthority> {
    const keys = await keysOf("ecdsa");
    const certificate = await this.#sign(`CN=${name}`, keys.publicKey, 1, authorityExtensions());
    const pem = `${certificate.toString("pem")}\n`;
    return new TestAuthority(certificate, keys, `${pem}${this.#above}`);
  }

  async issue(options: CertificateOptions = {}): Promise<TestCertificate> {
    const { name = "test", sans = [], days = 1, key = "ecdsa", usage = "both", garbled } = options;
    const keys = await keysOf(key);
    const extensions: Extension[] = [
      new ExtendedKeyUsageExtension(usagesOf(usage)),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    ];
    if (sans.length > 0) extensions.push(new SubjectAlternativeNameExtension([...sans]));
    if (garbled === true) extensions.push(new Extension(SUBJECT_ALT_NAME, false, GARBLED));
    const certificate = await this.#sign(`CN=${name}`, keys.publicKey, days, extensions);
    const der = Buffer.from(certificate.rawData);
    const spki = Buffer.from(await crypto.subtle.exportKey("spki", keys.publicKey));
    return {
      chain: `${certificate.toString("pem")}\n${this.#above}`,
      key: pemOf("PRIVATE KEY", await crypto.subtle.exportKey("pkcs8", keys.privateKey)),
      der,
      sha256: createHash("sha256").update(der).digest("hex"),
      spki: createHash("sha256").update(spki).digest("base64"),
    };
  }

  /**
   * A certificate for a key that somebody else holds, PEM, followed by the intermediates.
   *
   * @param publicKey SPKI, DER.
   * @param life Milliseconds since 1970.
   */
  async certify(
    publicKey: Uint8Array,
    sans: readonly JsonGeneralName[],
    life: { readonly notBefore: number; readonly notAfter: number },
  ): Promise<string> {
    const spki = Buffer.from(publicKey);
    const key = await crypto.subtle.importKey("spki", spki, ECDSA, true, ["verify"]);
    const { clientAuth, serverAuth } = ExtendedKeyUsage;
    const certificate = await X509CertificateGenerator.create(
      {
        subject: "",
        issuer: this.#certificate.subject,
        publicKey: key,
        signingKey: this.#keys.privateKey,
        signingAlgorithm: ECDSA,
        serialNumber: (++this.#serial).toString(16).padStart(2, "0"),
        notBefore: new Date(life.notBefore),
        notAfter: new Date(life.notAfter),
        extensions: [
          new ExtendedKeyUsageExtension([serverAuth, clientAuth]),
          new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
          new SubjectAlternativeNameExtension([...sans], true),
        ],
      },
      crypto,
    );
    return `${certificate.toString("pem")}\n${this.#above}`;
  }

  /** A list that revokes these certificates, PEM. */
  async revoke(certificates: readonly TestCertificate[]): Promise<string> {
    const list = await X509CrlGenerator.create(
      {
        issuer: this.#certificate.subject,
        thisUpdate: new Date(Date.now() - DAY_MS),
        nextUpdate: new Date(Date.now() + DAY_MS),
        entries: certificates.map(({ der }) => ({
          serialNumber: new X509Certificate(der).serialNumber,
          revocationDate: new Date(Date.now() - DAY_MS),
        })),
        signingAlgorithm: ECDSA,
        signingKey: this.#keys.privateKey,
      },
      crypto,
    );
    return pemOf("X509 CRL", list.rawData);
  }

  #sign(
    subject: string,
    publicKey: CryptoKey,
    days: number,
    extensions: Extension[],
  ): Promise<X509Certificate> {
    const serial = ++this.#serial;
    return X509CertificateGenerator.create(
      {
        subject,
        issuer: this.#certificate.subject,
        publicKey,
        signingKey: this.#keys.privateKey,
        signingAlgorithm: ECDSA,
        serialNumber: serial.toString(16).padStart(2, "0"),
        ...validity(days),
        extensions,
      },
      crypto,
    );
  }
}

/** From ten days ago to `days` from now. */
function validity(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - 10 * DAY_MS), notAfter: new Date(now + days * DAY_MS) };
}

async function keysOf(kind: "ecdsa" | "rsa"): Promise<KeyPair> {
  const algorithm = kind === "rsa" ? RSA : ECDSA;
  return (await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as KeyPair;
}

function pemOf(what: string, der: ArrayBuffer): string {
  const text = Buffer.from(der).toString("base64");
  return `-----BEGIN ${what}-----\n${text}\n-----END ${what}-----\n`;
}

function authorityExtensions(): Extension[] {
  const signs = KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign;
  return [
    new BasicConstraintsExtension(true, undefined, true),
    new KeyUsagesExtension(signs, true),
  ];
}

function usagesOf(usage: "client" | "server" | "both"): string[] {
  const { clientAuth, serverAuth } = ExtendedKeyUsage;
  return { client: [clientAuth], server: [serverAuth], both: [clientAuth, serverAuth] }[usage];
}
