import {
  BOOLEAN,
  CONTEXT,
  elementsOf,
  OBJECT_IDENTIFIER,
  OCTET_STRING,
  only,
  SEQUENCE,
} from "./der/reader.ts";

/** One extension of a certificate (RFC 5280 section 4.2). */
export interface CertificateExtension {
  readonly critical: boolean;
  /** DER. */
  readonly value: Buffer;
}

/** TBSCertificate.extensions (RFC 5280 section 4.1). */
const EXTENSIONS = CONTEXT | 3;

/**
 * The extensions of a certificate, by the hexadecimal contents of their object identifiers. Throws
 * a RangeError where the bytes are not a certificate's DER, or name an extension twice.
 */
export function readExtensions(certificate: Buffer): ReadonlyMap<string, CertificateExtension> {
  const found = new Map<string, CertificateExtension>();
  const [toBeSigned] = elementsOf(only(elementsOf(certificate), SEQUENCE));
  const list = elementsOf(only([toBeSigned], SEQUENCE)).find(({ tag }) => tag === EXTENSIONS);
  if (list === undefined) return found;
  for (const each of elementsOf(only(elementsOf(list.value), SEQUENCE))) {
    const [id, ...rest] = elementsOf(only([each], SEQUENCE));
    const name = only([id], OBJECT_IDENTIFIER).toString("hex");
    const [flag] = rest;
    const critical = flag?.tag === BOOLEAN && flag.value[0] !== 0;
    const value = only(flag?.tag === BOOLEAN ? rest.slice(1) : rest, OCTET_STRING);
    if (found.has(name)) throw new RangeError("a certificate has one extension twice");
    found.set(name, { critical, value });
  }
  return found;
}
