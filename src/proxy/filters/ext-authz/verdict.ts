import type { HeaderMutation } from "../../../model/route.ts";
import type { MetadataFields } from "../dynamic-metadata.ts";

/** What an authorization server has said, whichever way it was asked. */
export type Verdict = Consent | Refusal;

/** The request passes, maybe changed. */
export interface Consent {
  readonly kind: "allowed";
  readonly headers: readonly HeaderMutation[];
  readonly headersToRemove: readonly string[];
  /** Of the answer to the client. */
  readonly responseHeaders: readonly HeaderMutation[];
  readonly queryToSet: readonly { readonly name: string; readonly value: string }[];
  readonly queryToRemove: readonly string[];
  readonly metadata: MetadataFields | undefined;
}

export interface Refusal {
  readonly kind: "denied";
  readonly status: number;
  readonly headers: readonly HeaderMutation[];
  readonly body: string;
  readonly metadata: MetadataFields | undefined;
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
export function isWritable({ name, value }: HeaderMutation): boolean {
  return TOKEN.test(name) && VALUE.test(value);
}

/** What the server may change. Others are left as they are (Envoy: pseudo headers and Host). */
export function isChangeable(name: string): boolean {
  return !OURS.has(name);
}
