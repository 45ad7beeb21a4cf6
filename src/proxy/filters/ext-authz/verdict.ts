import type { CheckVerdict, HeaderChange } from "../../../xds/authorization/check-response.ts";
import type { MetadataFields } from "../dynamic-metadata.ts";

/** What an authorization server has said, whichever way it was asked. */
export type Verdict = CheckVerdict;
export type Consent = Extract<Verdict, { readonly kind: "allowed" }>;
export type Refusal = Extract<Verdict, { readonly kind: "denied" }>;

/** Protobuf's Struct is JSON. */
export function fieldsOf({ metadata }: Verdict): MetadataFields | undefined {
  return metadata as MetadataFields | undefined;
}

const TOKEN = /^[-!#$%&'*+.^_`|~0-9a-z]+$/;
const VALUE = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;
/** How a message is framed and who it is for is not for others to say. */
const OURS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "host",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Whether what the server wants to be set can be written at all. */
export function isWritable({ name, value }: HeaderChange): boolean {
  return TOKEN.test(name) && VALUE.test(value);
}

/** What the server may change. Others are left as they are (Envoy: pseudo headers and Host). */
export function isChangeable(name: string): boolean {
  return !OURS.has(name);
}
