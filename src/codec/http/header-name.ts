import { ByteDictionary } from "./grammar/byte-dictionary.ts";
import { TOKEN_LOWER } from "./grammar/character.ts";

/**
 * The header names that a proxy acts on or meets in every message. Their ids are small numbers,
 * so that the hot path compares and looks up numbers; any other name has the id `OTHER`.
 */
const NAMES = [
  "",
  "host",
  "content-length",
  "transfer-encoding",
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "upgrade",
  "expect",
  "http2-settings",
  "date",
  "server",
  "via",
  "x-request-id",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-forwarded-client-cert",
  "x-envoy-internal",
  "x-envoy-external-address",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-attempt-count",
  "x-envoy-upstream-service-time",
  "x-envoy-original-path",
  "x-envoy-decorator-operation",
  "x-envoy-max-retries",
  "x-envoy-retry-on",
  "x-envoy-retry-grpc-on",
  "x-envoy-retriable-status-codes",
  "x-envoy-retriable-header-names",
  "x-envoy-upstream-rq-timeout-ms",
  "x-envoy-upstream-rq-per-try-timeout-ms",
  "x-envoy-upstream-rq-timeout-alt-response",
  "x-envoy-upstream-alt-stat-name",
  "x-envoy-downstream-service-cluster",
  "x-envoy-downstream-service-node",
  "x-envoy-force-trace",
  "x-envoy-ip-tags",
  "x-envoy-original-url",
  "x-envoy-hedge-on-per-try-timeout",
  "x-envoy-overloaded",
  "x-envoy-peer-metadata",
  "x-envoy-peer-metadata-id",
  "content-type",
  "content-encoding",
  "user-agent",
  "accept",
  "accept-encoding",
  "accept-language",
  "authorization",
  "cookie",
  "set-cookie",
  "location",
  "referer",
  "etag",
  "vary",
  "cache-control",
  "x-envoy-upstream-stream-duration-ms",
  "x-outrigger-carried",
  "content_length",
  "transfer_encoding",
  "x_forwarded_client_cert",
] as const;

export type KnownHeader = Exclude<(typeof NAMES)[number], "">;

/** Ids by name: `ID.host`, `ID["content-length"]`. */
export const ID: Readonly<Record<KnownHeader, number>> = Object.fromEntries(
  NAMES.map((name, id) => [name, id]),
) as Record<KnownHeader, number>;

export const OTHER = 0;

/** Known names by id; empty for `OTHER`. */
export const HEADER_NAMES: readonly string[] = NAMES;

/** `content-type: ` by id, ready to be written. */
export const HEADER_PREFIXES: readonly string[] = NAMES.map((name) => `${name}: `);

const dictionary = new ByteDictionary(NAMES, TOKEN_LOWER);
const ids = new Map<string, number>(NAMES.map((name, id) => [name, id]));

/** The id of the name in `bytes[start..end)`, whatever its case. */
export function headerIdOf(bytes: Uint8Array, start: number, end: number): number {
  return dictionary.find(bytes, start, end);
}

/** By id: 1 for these names, 0 for all others. */
export function headerFlags(names: readonly KnownHeader[]): Uint8Array {
  const flags = new Uint8Array(NAMES.length);
  for (const name of names) flags[ID[name]] = 1;
  return flags;
}

/** Some known names, to be asked for all at once (`HeaderTable.hasAny`). */
export interface HeaderSet {
  readonly low: number;
  readonly high: number;
}

export function headerSet(names: readonly KnownHeader[]): HeaderSet {
  let low = 0;
  let high = 0;
  for (const name of names) {
    const id = ID[name];
    if (id < 32) low |= 1 << id;
    else high |= 1 << (id & 31);
  }
  return { low, high };
}

/** The id of a lower case name. */
export function headerId(name: string): number {
  return ids.get(name) ?? OTHER;
}
