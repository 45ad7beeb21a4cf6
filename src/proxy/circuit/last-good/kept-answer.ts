import { ID } from "../../../codec/http/header-name.ts";
import { HeaderTable } from "../../../codec/http/header-table.ts";
import type { HttpVersion, ResponseMessage } from "../../../codec/http/message.ts";

/** The field's value that an answer goes by; undefined: the request had none. */
export type VaryValue = readonly [name: string, value: string | undefined];

/** An answer that was good. */
export interface KeptAnswer {
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  /** Of the clock, milliseconds. */
  readonly keptAtMs: number;
  /** How old it was then, and how long it is fresh, seconds. */
  readonly ageS: number;
  readonly freshS: number;
  /** It must not be shown once it is stale. */
  readonly freshOnly: boolean;
  readonly vary: readonly VaryValue[];
  /** What it takes, near enough. */
  readonly bytes: number;
}

const MS_PER_S = 1000;
const OK = 200;
const VERSION: HttpVersion = 11;

/** Of the answer that came, and no longer true of the one that is kept. */
const PASSING: ReadonlySet<string> = new Set([
  "age",
  "connection",
  "content-length",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "warning",
  "x-envoy-upstream-service-time",
  "x-envoy-attempt-count",
  "x-envoy-peer-metadata",
  "x-envoy-peer-metadata-id",
  "x-outrigger-carried",
]);

/** The fields of a head that are worth keeping, with those left out that `Connection` names. */
export function fieldsOf(headers: HeaderTable): (readonly [string, string])[] {
  const nominated = (headers.joined("connection") ?? "").toLowerCase().split(",");
  const hop = new Set(nominated.map((name) => name.trim()));
  const fields: (readonly [string, string])[] = [];
  for (let i = 0; i < headers.count; i++) {
    if (headers.removedAt(i)) continue;
    const name = headers.name(i);
    if (!PASSING.has(name) && !hop.has(name)) fields.push([name, headers.value(i)]);
  }
  return fields;
}

/** Seconds. */
export function ageOf({ ageS, keptAtMs }: KeptAnswer, nowMs: number): number {
  return ageS + Math.max(0, Math.floor((nowMs - keptAtMs) / MS_PER_S));
}

/**
 * The head that stands in for the upstream's: it says how old it is (RFC 9111 section 5.1), and
 * with the warnings of RFC 7234 section 5.5 that it may be stale, or that nobody could be asked.
 */
export function keptHead(kept: KeptAnswer, nowMs: number, asked: boolean): ResponseMessage {
  const headers = new HeaderTable();
  for (const [name, value] of kept.fields) headers.addName(name, value);
  const ageS = ageOf(kept, nowMs);
  headers.add(ID["content-length"], "content-length", String(kept.body.length));
  headers.addName("age", String(ageS));
  if (ageS >= kept.freshS) headers.addName("warning", '110 - "Response is Stale"');
  if (asked) headers.addName("warning", '111 - "Revalidation Failed"');
  const { length } = kept.body;
  const body = length === 0 ? "none" : "length";
  return { headers, status: OK, version: VERSION, body, contentLength: length };
}
