import { parseStrictJson } from "../../../../base/document/strict-json.ts";
import type { MetadataFields, MetadataValue } from "../../dynamic-metadata.ts";
import type { JwtStatus } from "../status.ts";
import * as status from "../status.ts";

/** A JSON Web Token (RFC 7519) in its compact form, read but not yet believed. */
export interface Token {
  /** `header.payload.signature`. */
  readonly text: string;
  readonly alg: string;
  /** Empty: none. */
  readonly kid: string;
  /** Bytes of the signature. */
  readonly signatureLength: number;
  readonly iss: string;
  readonly sub: string;
  readonly audiences: readonly string[];
  /** Whole seconds since 1970; undefined: the token does not say. */
  readonly expS: number | undefined;
  readonly nbfS: number | undefined;
  readonly header: MetadataFields;
  readonly payload: MetadataFields;
  /** The payload as it stands in the token. */
  readonly payloadText: string;
}

/** What Outrigger verifies: public-key signatures alone (RFC 7518 section 3.1, RFC 8037). */
const ALGORITHMS: ReadonlySet<string> = new Set([
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "PS256",
  "PS384",
  "PS512",
  "RS256",
  "RS384",
  "RS512",
]);

/** A token that is longer is none; the head that brings it may be larger. */
const TOKEN_CHARS_MAX = 64 * 1024;

const UINT64_END = 2 ** 64;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads a token strictly: what is wrong with it, in Envoy's order, is a status. */
export function readToken(text: string): Token | JwtStatus {
  const parts = text.length > TOKEN_CHARS_MAX ? [] : text.split(".");
  const [headerText = "", payloadText = "", signatureText = ""] = parts;
  if (parts.length !== 3 || parts.includes("")) return status.BAD_FORMAT;
  const headerBytes = decodeBase64Url(headerText);
  if (headerBytes === undefined) return status.HEADER_BASE64;
  const header = parseBytes(headerBytes);
  if (header === undefined) return status.HEADER_JSON;
  const badHeader = headerProblem(header);
  if (badHeader !== undefined) return badHeader;
  const payloadBytes = decodeBase64Url(payloadText);
  if (payloadBytes === undefined) return status.PAYLOAD_BASE64;
  const payload = parseBytes(payloadBytes);
  if (payload === undefined) return status.PAYLOAD_JSON;
  const badPayload = payloadProblem(payload);
  if (badPayload !== undefined) return badPayload;
  const signature = decodeBase64Url(signatureText);
  if (signature === undefined) return status.SIGNATURE_BASE64;
  // Extensions that have to be understood (RFC 7515 section 4.1.11): none is.
  if (Object.hasOwn(header, "crit")) return status.VERIFICATION_FAILS;
  return {
    text,
    alg: textOf(header, "alg"),
    kid: textOf(header, "kid"),
    signatureLength: signature.length,
    iss: textOf(payload, "iss"),
    sub: textOf(payload, "sub"),
    audiences: audiencesOf(payload),
    expS: secondsOf(payload, "exp"),
    nbfS: secondsOf(payload, "nbf"),
    header,
    payload,
    payloadText,
  };
}

/** Undefined where the text is not the one way to write its bytes (RFC 7515 section 2). */
function decodeBase64Url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : undefined;
}

function parseBytes(bytes: Buffer): MetadataFields | undefined {
  try {
    return parseStrictJson(utf8.decode(bytes));
  } catch {
    return undefined;
  }
}

/** A field of the object itself; what it inherits is nobody's claim. */
function fieldOf(fields: MetadataFields, name: string): MetadataValue | undefined {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

function textOf(fields: MetadataFields, name: string): string {
  const value = fieldOf(fields, name);
  return typeof value === "string" ? value : "";
}

function secondsOf(fields: MetadataFields, name: string): number | undefined {
  const value = fieldOf(fields, name);
  return typeof value === "number" ? Math.trunc(value) : undefined;
}

function audiencesOf(payload: MetadataFields): readonly string[] {
  const aud = fieldOf(payload, "aud");
  if (typeof aud === "string") return [aud];
  return Array.isArray(aud) ? (aud as readonly string[]) : [];
}

function headerProblem(header: MetadataFields): JwtStatus | undefined {
  const alg = fieldOf(header, "alg");
  if (typeof alg !== "string") return status.HEADER_ALG;
  if (!ALGORITHMS.has(alg)) return status.ALG_UNSUPPORTED;
  const kid = fieldOf(header, "kid");
  return kid === undefined || typeof kid === "string" ? undefined : status.HEADER_KID;
}

type Claim = readonly [name: string, problem: (value: MetadataValue) => JwtStatus | undefined];

const CLAIMS: readonly Claim[] = [
  ["iss", (value) => (typeof value === "string" ? undefined : status.ISS_TYPE)],
  ["sub", (value) => (typeof value === "string" ? undefined : status.SUB_TYPE)],
  ["iat", (value) => timeProblem(value, status.IAT_TYPE, status.IAT_RANGE)],
  ["nbf", (value) => timeProblem(value, status.NBF_TYPE, status.NBF_RANGE)],
  ["exp", (value) => timeProblem(value, status.EXP_TYPE, status.EXP_RANGE)],
  ["jti", (value) => (typeof value === "string" ? undefined : status.JTI_TYPE)],
  ["aud", (value) => (isTexts(value) ? undefined : status.AUD_TYPE)],
];

/** Claims that have a form are held to it (RFC 7519 section 4.1), in Envoy's order. */
function payloadProblem(payload: MetadataFields): JwtStatus | undefined {
  for (const [name, problemOf] of CLAIMS) {
    const value = fieldOf(payload, name);
    const problem = value === undefined ? undefined : problemOf(value);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function timeProblem(
  value: MetadataValue,
  type: JwtStatus,
  range: JwtStatus,
): JwtStatus | undefined {
  if (typeof value !== "number") return type;
  return value >= 0 && value < UINT64_END ? undefined : range;
}

function isTexts(value: MetadataValue): boolean {
  if (typeof value === "string") return true;
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}
