import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  X509Certificate,
} from "node:crypto";
import { pemOf } from "../../../identity/der/pem.ts";
import { factsOf } from "../../../identity/issuing/certificate-facts.ts";
import { nameOf, signCertificate } from "../../../identity/issuing/certificate-form.ts";
import {
  basicConstraints,
  KEY_USAGE,
  keyUsage,
  subjectAltName,
  subjectKeyIdentifier,
} from "../../../identity/issuing/extensions.ts";
import { keyIdentifierOf } from "../../../identity/issuing/public-key.ts";
import { newSerial, type RandomBytes, type SigningAuthority } from "./signing-authority.ts";

/** A root of the mesh's own, PEM. */
export interface RootPair {
  readonly certificate: string;
  /** PKCS #8. */
  readonly key: string;
}

export interface RootOptions {
  readonly trustDomain: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly lifetimeMs: number;
  readonly randomBytes: RandomBytes;
}

/** For clocks that do not agree. */
const BACKDATED_MS = 120_000;

/**
 * A self-signed root for one trust domain: ECDSA P-256, CA:TRUE with no authority below it, and the
 * trust domain's own SPIFFE ID as its name (X.509-SVID, section 3.1).
 */
export function makeRoot({ trustDomain, now, lifetimeMs, randomBytes }: RootOptions): RootPair {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const serial = newSerial(randomBytes);
  const name = nameOf({
    organization: trustDomain,
    commonName: `Outrigger root ${serial.toString("hex", 1, 5)}`,
  });
  const der = signCertificate(
    {
      serial,
      issuer: name,
      subject: name,
      notBefore: now - BACKDATED_MS,
      notAfter: now + lifetimeMs,
      publicKey,
      extensions: [
        basicConstraints({ pathLength: 0 }),
        keyUsage(KEY_USAGE.keyCertSign | KEY_USAGE.cRLSign),
        subjectKeyIdentifier(keyIdentifierOf(publicKey)),
        subjectAltName({ uris: [`spiffe://${trustDomain}`] }, false),
      ],
    },
    privateKey,
  );
  const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  return { certificate: pemOf("CERTIFICATE", der), key };
}

/** Throws an Error where the two do not belong together, or are no PEM. */
export function ownAuthority({ certificate, key }: RootPair): SigningAuthority {
  const parsed = new X509Certificate(certificate);
  const privateKey = createPrivateKey(key);
  if (!createPublicKey(privateKey).equals(parsed.publicKey)) {
    throw new Error("the key is not that of the certificate");
  }
  return {
    certificate: parsed,
    facts: factsOf(parsed),
    key: privateKey,
    intermediates: [],
    roots: [pemOf("CERTIFICATE", parsed.raw)],
  };
}
