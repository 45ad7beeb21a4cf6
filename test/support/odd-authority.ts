/** An authority that signs whatever it is told to, byte by byte. */
import {
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  type X509Certificate,
} from "node:crypto";
import { pemOf } from "../../src/identity/der/pem.ts";
import { CONTEXT, CONTEXT_PRIMITIVE, NULL } from "../../src/identity/der/reader.ts";
import {
  bitString,
  element,
  integer,
  objectIdentifier,
  sequence,
  time,
  unsigned,
  utf8String,
} from "../../src/identity/der/writer.ts";
import { nameOf } from "../../src/identity/issuing/certificate-form.ts";
import { basicConstraints, EXTENSION, extension } from "../../src/identity/issuing/extensions.ts";

const DAY_MS = 86_400_000;
export const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
export const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

type Name = (text: string) => Buffer;

/** GeneralName, DER (RFC 5280 section 4.2.1.6). */
export const uri: Name = (text) => element(CONTEXT_PRIMITIVE | 6, Buffer.from(text, "latin1"));
export const dns: Name = (text) => element(CONTEXT_PRIMITIVE | 2, Buffer.from(text, "latin1"));
export const otherName: Name = (text) =>
  element(CONTEXT, objectIdentifier("1.3.6.1.4.1.311.20.2.3"), element(CONTEXT, utf8String(text)));

/** Bits of KeyUsage, the first one being the most significant. */
export const DIGITAL_SIGNATURE: number = 0x80;
export const KEY_ENCIPHERMENT: number = 0x20;
export const KEY_CERT_SIGN: number = 0x04;

const SIGNATURES = {
  "ec sha256": ["sha256", sequence(objectIdentifier("1.2.840.10045.4.3.2"))],
  "ec sha1": ["sha1", sequence(objectIdentifier("1.2.840.10045.4.1"))],
  "rsa sha256": ["sha256", sequence(objectIdentifier("1.2.840.113549.1.1.11"), element(NULL))],
  "rsa md5": ["md5", sequence(objectIdentifier("1.2.840.113549.1.1.4"), element(NULL))],
} as const;

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export interface Form {
  readonly names?: readonly Buffer[];
  readonly critical?: boolean;
  readonly subject?: Buffer;
  /** Days from now. */
  readonly from?: number;
  readonly to?: number;
  /** Undefined: it says CA:FALSE. */
  readonly authority?: { readonly pathLength?: number } | false;
  /** Undefined: no extension. */
  readonly usage?: number | undefined;
  readonly usageCritical?: boolean;
  /** Undefined: no extension. */
  readonly extended?: readonly string[] | undefined;
  /** Of the signature. */
  readonly hash?: "sha256" | "sha1" | "md5";
  readonly keys?: KeyPair;
}

const LEAF = { usage: DIGITAL_SIGNATURE | KEY_ENCIPHERMENT, extended: [SERVER_AUTH, CLIENT_AUTH] };

export function newKeys(kind: "ec" | "rsa" = "ec", modulusLength = 2048): KeyPair {
  return kind === "ec"
    ? generateKeyPairSync("ec", { namedCurve: "P-256" })
    : generateKeyPairSync("rsa", { modulusLength });
}

/** A certificate, its key, and those above it. */
export interface Shown {
  /** PEM, the certificate first. */
  readonly chain: string;
  readonly key: string;
}

/** An authority that signs whatever it is told to. */
export class Signer {
  readonly keys: KeyPair;
  readonly name: Buffer;
  readonly der: Buffer;
  /** PEM of itself and of what is above it, without the root. */
  readonly above: string;

  constructor(commonName: string, by?: Signer, form: Form = {}) {
    this.keys = form.keys ?? newKeys();
    this.name = nameOf({ commonName });
    const authority = { usage: KEY_CERT_SIGN | 0x02, authority: {}, subject: this.name, ...form };
    this.der = (by ?? this).#sign(this.keys.publicKey, authority);
    this.above = by === undefined ? "" : `${this.pem}${by.above}`;
  }

  get pem(): string {
    return pemOf("CERTIFICATE", this.der);
  }

  /** Its own key's certificate, as a leaf. */
  self(form: Form): Shown {
    return { ...this.issue({ subject: this.name, ...form, keys: this.keys }) };
  }

  issue(form: Form): Shown {
    const keys = form.keys ?? newKeys();
    const subject = nameOf({ commonName: "leaf" });
    const der = this.#sign(keys.publicKey, { ...LEAF, subject, ...form });
    const key = keys.privateKey.export({ type: "pkcs8", format: "pem" });
    return { chain: `${pemOf("CERTIFICATE", der)}${this.above}`, key: String(key) };
  }

  /** A list of those that this authority revokes, PEM (RFC 5280 section 5.1). */
  revoke(certificates: readonly X509Certificate[]): string {
    const now = Date.now();
    const [hash, algorithm] = SIGNATURES["ec sha256"];
    const entries = certificates.map(({ serialNumber }) =>
      sequence(unsigned(Buffer.from(serialNumber, "hex")), time(now - DAY_MS)),
    );
    const times = [time(now - DAY_MS), time(now + DAY_MS)];
    const revoked = entries.length === 0 ? [] : [sequence(...entries)];
    const list = sequence(integer(1), algorithm, this.name, ...times, ...revoked);
    const signature = bitString(sign(hash, list, this.keys.privateKey));
    return pemOf("X509 CRL", sequence(list, algorithm, signature));
  }

  #sign(publicKey: KeyObject, form: Form): Buffer {
    const { from = -2, to = 2, subject = nameOf(), hash: wanted = "sha256" } = form;
    const kind = this.keys.privateKey.asymmetricKeyType === "ec" ? "ec" : "rsa";
    const [hash, algorithm] = SIGNATURES[`${kind} ${wanted}` as keyof typeof SIGNATURES];
    const now = Date.now();
    const toBeSigned = sequence(
      element(CONTEXT, integer(2)),
      unsigned(Buffer.concat([Buffer.of(1), randomBytes(12)])),
      algorithm,
      this.name,
      sequence(time(now + from * DAY_MS), time(now + to * DAY_MS)),
      subject,
      publicKey.export({ type: "spki", format: "der" }),
      element(CONTEXT | 3, sequence(...extensionsOf(form))),
    );
    const signature = bitString(sign(hash, toBeSigned, this.keys.privateKey));
    return sequence(toBeSigned, algorithm, signature);
  }
}

function extensionsOf(form: Form): Buffer[] {
  const { authority = false, critical = false, extended, names = [], usage } = form;
  const all = [basicConstraints(authority)];
  if (usage !== undefined) {
    let unused = 0;
    while (unused < 7 && (usage & (1 << unused)) === 0) unused++;
    const bits = bitString(Buffer.of(usage), unused);
    all.push(extension(EXTENSION.keyUsage, form.usageCritical ?? true, bits));
  }
  if (extended !== undefined) {
    const usages = sequence(...extended.map(objectIdentifier));
    all.push(extension(EXTENSION.extendedKeyUsage, false, usages));
  }
  if (names.length > 0) {
    all.push(extension(EXTENSION.subjectAltName, critical, sequence(...names)));
  }
  return all;
}
