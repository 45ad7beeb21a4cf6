/** Extensions of certificates, as they are written (RFC 5280 section 4.2). */
import { parseIp } from "../../base/ip-address.ts";
import { CONTEXT_PRIMITIVE } from "../der/reader.ts";
import {
  bitString,
  boolean,
  element,
  integer,
  objectIdentifier,
  octetString,
  sequence,
} from "../der/writer.ts";

/** Object identifiers of extensions, dotted. */
export const EXTENSION = {
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  crlNumber: "2.5.29.20",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
} as const;

/** Bits of KeyUsage, the first one being the most significant (RFC 5280 section 4.2.1.3). */
export const KEY_USAGE = { digitalSignature: 0x80, keyCertSign: 0x04, cRLSign: 0x02 } as const;

const EXTENDED_USAGE = {
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
} as const;

/** GeneralName's tags (RFC 5280 section 4.2.1.6). */
const DNS_NAME = CONTEXT_PRIMITIVE | 2;
const URI = CONTEXT_PRIMITIVE | 6;
const IP_ADDRESS = CONTEXT_PRIMITIVE | 7;

export interface AltNames {
  readonly uris?: readonly string[];
  readonly dns?: readonly string[];
  readonly ips?: readonly string[];
}

/** One extension, DER; `value` is DER as well. */
export function extension(id: string, critical: boolean, value: Uint8Array): Buffer {
  const flag = critical ? [boolean(true)] : [];
  return sequence(objectIdentifier(id), ...flag, octetString(value));
}

/** `authority`: may sign certificates, by itself alone (0) or through so many others. */
export function basicConstraints(authority: { readonly pathLength?: number } | false): Buffer {
  if (authority === false) return extension(EXTENSION.basicConstraints, true, sequence());
  const { pathLength } = authority;
  const path = pathLength === undefined ? [] : [integer(pathLength)];
  return extension(EXTENSION.basicConstraints, true, sequence(boolean(true), ...path));
}

/** Critical. `bits` of `KEY_USAGE`. */
export function keyUsage(bits: number): Buffer {
  let unused = 0;
  while (unused < 7 && (bits & (1 << unused)) === 0) unused++;
  return extension(EXTENSION.keyUsage, true, bitString(Buffer.of(bits), unused));
}

export function extendedKeyUsage(...usages: readonly (keyof typeof EXTENDED_USAGE)[]): Buffer {
  const ids = usages.map((usage) => objectIdentifier(EXTENDED_USAGE[usage]));
  return extension(EXTENSION.extendedKeyUsage, false, sequence(...ids));
}

/** Must be critical where the subject is empty. Throws a RangeError for an IP that is none. */
export function subjectAltName(names: AltNames, critical: boolean): Buffer {
  const { uris = [], dns = [], ips = [] } = names;
  const all = [
    ...uris.map((uri) => element(URI, Buffer.from(uri, "latin1"))),
    ...dns.map((name) => element(DNS_NAME, Buffer.from(name, "latin1"))),
    ...ips.map((ip) => element(IP_ADDRESS, addressBytes(ip))),
  ];
  return extension(EXTENSION.subjectAltName, critical, sequence(...all));
}

function addressBytes(ip: string): Uint8Array {
  const bytes = parseIp(ip);
  if (bytes === undefined) throw new RangeError(`${ip} is no IP address`);
  return bytes;
}

export function subjectKeyIdentifier(identifier: Uint8Array): Buffer {
  return extension(EXTENSION.subjectKeyIdentifier, false, octetString(identifier));
}

export function authorityKeyIdentifier(identifier: Uint8Array): Buffer {
  const value = sequence(element(CONTEXT_PRIMITIVE, identifier));
  return extension(EXTENSION.authorityKeyIdentifier, false, value);
}
