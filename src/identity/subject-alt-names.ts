/**
 * The subject alternative names of a certificate, out of its DER (RFC 5280 section 4.2.1.6). Read
 * from the bytes, because a name may contain what separates the names of a printed list.
 */
import {
  BOOLEAN,
  elementsOf,
  OBJECT_IDENTIFIER,
  OCTET_STRING,
  only,
  SEQUENCE,
} from "./der/reader.ts";

/** Texts as Envoy compares them. Names with other than printable ASCII bytes are left out. */
export interface SubjectAltNames {
  readonly dns: readonly string[];
  readonly uri: readonly string[];
  readonly email: readonly string[];
  /** `10.0.0.1`, `2001:db8::1`. */
  readonly ip: readonly string[];
}

/** TBSCertificate.extensions: context tag 3, constructed (RFC 5280 section 4.1). */
const EXTENSIONS = 0xa3;
/** 2.5.29.17. */
const SUBJECT_ALT_NAME = Buffer.from("551d11", "hex");
/** GeneralName's context tags, primitive. */
const KINDS: ReadonlyMap<number, keyof SubjectAltNames> = new Map([
  [0x81, "email"],
  [0x82, "dns"],
  [0x86, "uri"],
  [0x87, "ip"],
]);

const PRINTABLE = /^[!-~]+$/;
/** A certificate may list no more of them here: the rest is not seen. */
const NAMES_MAX = 1024;

/** Throws a RangeError where the bytes are not a certificate's DER. */
export function readSubjectAltNames(certificate: Uint8Array): SubjectAltNames {
  const names = { dns: [], uri: [], email: [], ip: [] } satisfies Record<string, string[]>;
  const list = findExtension(
    Buffer.from(certificate.buffer, certificate.byteOffset, certificate.length),
  );
  if (list === undefined) return names;
  const found: Record<keyof SubjectAltNames, string[]> = names;
  let count = 0;
  for (const { tag, value } of elementsOf(only(elementsOf(list), SEQUENCE))) {
    const kind = KINDS.get(tag);
    if (kind === undefined) continue;
    if (++count > NAMES_MAX) break;
    const text = kind === "ip" ? ipText(value) : value.toString("latin1");
    if (PRINTABLE.test(text)) found[kind].push(text);
  }
  return names;
}

/** The extension's value: DER inside an OCTET STRING. */
function findExtension(certificate: Buffer): Buffer | undefined {
  const [toBeSigned] = elementsOf(only(elementsOf(certificate), SEQUENCE));
  const parts = elementsOf(only([toBeSigned], SEQUENCE));
  const extensions = parts.find(({ tag }) => tag === EXTENSIONS);
  if (extensions === undefined) return undefined;
  for (const extension of elementsOf(only(elementsOf(extensions.value), SEQUENCE))) {
    const [id, ...rest] = elementsOf(only([extension], SEQUENCE));
    if (!only([id], OBJECT_IDENTIFIER).equals(SUBJECT_ALT_NAME)) continue;
    return only(rest[0]?.tag === BOOLEAN ? rest.slice(1) : rest, OCTET_STRING);
  }
  return undefined;
}

/** Empty for what is no address. */
function ipText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.length !== 16) return "";
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(bytes.readUInt16BE(at).toString(16));
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}
