import { X509Certificate } from "node:crypto";
import { pemBlocks, pemOf } from "../../identity/der/pem.ts";

const LABEL = "CERTIFICATE";
/** A bundle of a mesh has a few, one of all public authorities some hundred. */
const ROOTS_MAX = 1000;

/**
 * The authorities of a bundle, PEM, each once. Throws an Error, as the end of a sentence, where
 * there is none, or where one of them cannot be read or is no authority.
 */
export function readRoots(pem: string): readonly X509Certificate[] {
  const roots = readCertificates(pem);
  if (roots.length === 0) throw new Error("holds no certificate");
  if (roots.length > ROOTS_MAX) throw new Error(`holds more than ${ROOTS_MAX} certificates`);
  for (const { ca, subject } of roots) {
    if (!ca) throw new Error(`holds a certificate that is no authority's: ${oneLine(subject)}`);
  }
  return distinct(roots);
}

/** Every certificate in a text, in order. Throws an Error where one is none. */
export function readCertificates(pem: string): readonly X509Certificate[] {
  return pemBlocks(pem, LABEL).map((der) => {
    try {
      return new X509Certificate(der);
    } catch {
      throw new Error("holds a certificate that cannot be read");
    }
  });
}

export function distinct(certificates: readonly X509Certificate[]): readonly X509Certificate[] {
  return [...new Map(certificates.map((each) => [each.fingerprint256, each])).values()];
}

export function pemText(certificates: readonly X509Certificate[]): string {
  return certificates.map(({ raw }) => pemOf(LABEL, raw)).join("");
}

/** A name as it may stand in a line of a log. */
export function oneLine(subject: string | undefined): string {
  return JSON.stringify((subject ?? "").split("\n").join(", "));
}
