import { pemBlocks } from "./der/pem.ts";
import { type DerElement, elementsOf, INTEGER, SEQUENCE } from "./der/reader.ts";

/** `version [0]` of a TBSCertificate (RFC 5280 section 4.1). */
const VERSION = 0xa0;

/**
 * Whom lists of revoked certificates name (RFC 5280 section 5.1): issuer and serial number, as
 * `issuerAndSerialOf` has them. Lists are PEM. Throws a RangeError where one is none.
 */
export function revokedBy(lists: string): ReadonlySet<string> {
  const revoked = new Set<string>();
  for (const list of pemBlocks(lists, "X509 CRL")) {
    const [tbs] = partsOf(list);
    const parts = elementsOf(contentsOf(tbs, SEQUENCE)).filter(({ tag }) => tag !== INTEGER);
    // After the version: the signature's algorithm, the issuer, one or two times, those revoked.
    const [, issuer, , ...rest] = parts;
    const entries = rest.find(({ tag }) => tag === SEQUENCE);
    for (const entry of elementsOf(entries?.value ?? Buffer.alloc(0))) {
      const [serial] = elementsOf(contentsOf(entry, SEQUENCE));
      revoked.add(keyOf(issuer, serial));
    }
  }
  return revoked;
}

/** Who has issued a certificate under which number. Throws a RangeError where it is no DER. */
export function issuerAndSerialOf(certificate: Buffer): string {
  const [tbs] = partsOf(certificate);
  const parts = elementsOf(contentsOf(tbs, SEQUENCE)).filter(({ tag }) => tag !== VERSION);
  const [serial, , issuer] = parts;
  return keyOf(issuer, serial);
}

/** To be signed, the algorithm, the signature: a certificate's three parts, and a list's. */
function partsOf(der: Buffer): DerElement[] {
  const [whole] = elementsOf(der);
  return elementsOf(contentsOf(whole, SEQUENCE));
}

function contentsOf(element: DerElement | undefined, tag: number): Buffer {
  if (element?.tag !== tag) throw new RangeError("not DER of the expected form");
  return element.value;
}

function keyOf(issuer: DerElement | undefined, serial: DerElement | undefined): string {
  return `${issuer?.raw.toString("hex")} ${serial?.value.toString("hex")}`;
}
