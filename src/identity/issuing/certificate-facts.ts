/** What an authority must know of a certificate, out of its DER (RFC 5280 section 4.1). */
import { createHash, type X509Certificate } from "node:crypto";
import {
  BIT_STRING,
  BOOLEAN,
  CONTEXT,
  type DerElement,
  elementsOf,
  INTEGER,
  OBJECT_IDENTIFIER,
  OCTET_STRING,
  only,
  SEQUENCE,
} from "../der/reader.ts";
import { objectIdentifier } from "../der/writer.ts";
import { EXTENSION } from "./extensions.ts";
import { keyIdentifierOf } from "./public-key.ts";

export interface CertificateFacts {
  /** Lower case hexadecimal, without leading zeros. */
  readonly serial: string;
  /** Names, DER. */
  readonly issuer: Buffer;
  readonly subject: Buffer;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** BasicConstraints says CA:TRUE. */
  readonly authority: boolean;
  /** How many authorities may stand between it and a leaf; undefined: any number. */
  readonly pathLength: number | undefined;
  /** Bits of `KEY_USAGE`; undefined without the extension. */
  readonly keyUsage: number | undefined;
  /** As it states it, else made of its key. */
  readonly keyIdentifier: Buffer;
  /** Lower case hexadecimal SHA-256 of the DER. */
  readonly sha256: string;
}

/** Throws a RangeError where the bytes are of another form than RFC 5280's. */
export function factsOf(certificate: X509Certificate): CertificateFacts {
  const [toBeSigned] = elementsOf(only(elementsOf(certificate.raw), SEQUENCE));
  const all = elementsOf(only([toBeSigned], SEQUENCE));
  const [serial, , issuer, , subject] = all[0]?.tag === CONTEXT ? all.slice(1) : all;
  const extensions = extensionsOf(all);
  const constraints = constraintsOf(extensions.get(EXTENSION.basicConstraints));
  return {
    serial: serialText(only([serial], INTEGER)),
    issuer: rawOf(issuer),
    subject: rawOf(subject),
    notBefore: certificate.validFromDate.getTime(),
    notAfter: certificate.validToDate.getTime(),
    ...constraints,
    keyUsage: keyUsageOf(extensions.get(EXTENSION.keyUsage)),
    keyIdentifier:
      keyIdentifierIn(extensions.get(EXTENSION.subjectKeyIdentifier)) ??
      keyIdentifierOf(certificate.publicKey),
    sha256: createHash("sha256").update(certificate.raw).digest("hex"),
  };
}

/** As Node and OpenSSL name a certificate's serial, but in lower case without leading zeros. */
export function serialText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex").replace(/^0+/, "") || "0";
}

/** The contents of the extensions, by dotted identifier of those that `EXTENSION` names. */
function extensionsOf(parts: readonly DerElement[]): ReadonlyMap<string, Buffer> {
  const found = new Map<string, Buffer>();
  const list = parts.find(({ tag }) => tag === (CONTEXT | 3));
  if (list === undefined) return found;
  for (const each of elementsOf(only(elementsOf(list.value), SEQUENCE))) {
    const [id, ...rest] = elementsOf(only([each], SEQUENCE));
    only([id], OBJECT_IDENTIFIER);
    const name = NAMES.get(id?.raw.toString("hex") ?? "");
    const value = rest[0]?.tag === BOOLEAN ? rest.slice(1) : rest;
    if (name !== undefined) found.set(name, only(value, OCTET_STRING));
  }
  return found;
}

const NAMES: ReadonlyMap<string, string> = new Map(
  Object.values(EXTENSION).map((id) => [objectIdentifier(id).toString("hex"), id]),
);

function constraintsOf(
  value: Buffer | undefined,
): Pick<CertificateFacts, "authority" | "pathLength"> {
  if (value === undefined) return { authority: false, pathLength: undefined };
  const [first, second] = elementsOf(only(elementsOf(value), SEQUENCE));
  const authority = first?.tag === BOOLEAN && first.value[0] === 0xff;
  if (second === undefined) return { authority, pathLength: undefined };
  const bytes = only([second], INTEGER);
  if (bytes.length > 4) throw new RangeError("the path length of a certificate is too long");
  return { authority, pathLength: bytes.readUIntBE(0, bytes.length) };
}

function keyUsageOf(value: Buffer | undefined): number | undefined {
  if (value === undefined) return undefined;
  return only(elementsOf(value), BIT_STRING)[1] ?? 0;
}

function keyIdentifierIn(value: Buffer | undefined): Buffer | undefined {
  return value === undefined ? undefined : only(elementsOf(value), OCTET_STRING);
}

function rawOf(element: DerElement | undefined): Buffer {
  only([element], SEQUENCE);
  return element?.raw ?? Buffer.alloc(0);
}
