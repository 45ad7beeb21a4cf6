import type { X509Certificate } from "node:crypto";
import {
  BIT_STRING,
  BOOLEAN,
  CONTEXT_PRIMITIVE,
  elementsOf,
  only,
  SEQUENCE,
} from "./der/reader.ts";
import { readExtensions } from "./extensions.ts";
import { spiffeIdOf } from "./spiffe-id.ts";

/** What an X.509-SVID must be and a certificate is not (X.509-SVID specification). */
export type SvidFault =
  | "uri_names"
  | "spiffe_id"
  | "svid_authority"
  | "svid_key_usage"
  | "svid_extended_key_usage"
  | "svid_subject";

/** Object identifiers of RFC 5280 section 4.2.1, hexadecimal. */
const KEY_USAGE = "551d0f";
const SUBJECT_ALT_NAME = "551d11";
const BASIC_CONSTRAINTS = "551d13";
const EXTENDED_KEY_USAGE = "551d25";
const SERVER_AUTH = "2b06010505070301";
const CLIENT_AUTH = "2b06010505070302";
/** GeneralName: uniformResourceIdentifier. */
const URI = CONTEXT_PRIMITIVE | 6;

/** Bits of KeyUsage, the first one being the most significant (RFC 5280 section 4.2.1.3). */
const DIGITAL_SIGNATURE = 0x80;
const CERT_OR_CRL_SIGN = 0x06;

/**
 * Whether a certificate says that it is an SVID: it has a SPIFFE ID among its URIs, well-formed or
 * not. Throws a RangeError where its names cannot be read.
 */
export function claimsSpiffeId({ raw }: Pick<X509Certificate, "raw">): boolean {
  return urisOf(raw).some((uri) => /^spiffe:/i.test(uri));
}

/**
 * Why a certificate is not a leaf SVID (sections 2 to 4.4); undefined where it is one. What leads
 * to its authority is judged elsewhere. Throws a RangeError where it cannot be read.
 */
export function svidFault(certificate: X509Certificate): SvidFault | undefined {
  const extensions = readExtensions(certificate.raw);
  const uris = urisOf(certificate.raw);
  if (uris.length !== 1) return "uri_names";
  if (spiffeIdOf(uris) === undefined) return "spiffe_id";
  if (saysAuthority(extensions.get(BASIC_CONSTRAINTS)?.value)) return "svid_authority";
  const usage = extensions.get(KEY_USAGE);
  if (usage?.critical !== true || !signsOnly(usage.value)) return "svid_key_usage";
  const extended = extensions.get(EXTENDED_KEY_USAGE);
  if (extended !== undefined && !isForBothSides(extended.value)) return "svid_extended_key_usage";
  const anonymous = (certificate.subject ?? "") === "";
  if (anonymous && extensions.get(SUBJECT_ALT_NAME)?.critical !== true) return "svid_subject";
  return undefined;
}

/** BasicConstraints says CA:TRUE; Node's `ca` means that and more. */
function saysAuthority(value: Buffer | undefined): boolean {
  if (value === undefined) return false;
  const [first] = elementsOf(only(elementsOf(value), SEQUENCE));
  return first?.tag === BOOLEAN && first.value[0] !== 0;
}

/** All of them, also those with bytes that no URI has. */
function urisOf(certificate: Buffer): readonly string[] {
  const names = readExtensions(certificate).get(SUBJECT_ALT_NAME);
  if (names === undefined) return [];
  return elementsOf(only(elementsOf(names.value), SEQUENCE))
    .filter(({ tag }) => tag === URI)
    .map(({ value }) => value.toString("latin1"));
}

function signsOnly(value: Buffer): boolean {
  const bits = only(elementsOf(value), BIT_STRING)[1] ?? 0;
  return (bits & DIGITAL_SIGNATURE) !== 0 && (bits & CERT_OR_CRL_SIGN) === 0;
}

function isForBothSides(value: Buffer): boolean {
  const usages = elementsOf(only(elementsOf(value), SEQUENCE)).map((one) =>
    one.value.toString("hex"),
  );
  return usages.includes(SERVER_AUTH) && usages.includes(CLIENT_AUTH);
}
