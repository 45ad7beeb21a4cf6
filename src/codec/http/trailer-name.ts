// hot path: no allocation per request
import { headerFlags } from "./header-name.ts";
import type { HeaderTable } from "./header-table.ts";

/**
 * What frames, routes, admits, says who the client is, or how the content is to be read, is no
 * trailer (RFC 9110 section 6.5.1): some server merges it into the head that others have judged.
 */
const KNOWN: Uint8Array = headerFlags([
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
  "authorization",
  "cookie",
  "set-cookie",
  "location",
  "cache-control",
  "content-type",
  "content-encoding",
  "via",
  "x-request-id",
  "x-outrigger-carried",
  "content_length",
  "transfer_encoding",
]);

const OTHERS: ReadonlySet<string> = new Set([
  "proxy-authorization",
  "proxy-authenticate",
  "www-authenticate",
  "age",
  "content-range",
  "expires",
  "forwarded",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "max-forwards",
  "pragma",
  "range",
  "retry-after",
  "x-real-ip",
]);

/** What proxies set for those behind them. */
const OF_PROXIES: readonly string[] = ["x-forwarded-", "x_forwarded_", "x-envoy-"];

/** Whether a field of this name, in lower case, may stand behind a body. */
export function mayTrail(id: number, name: string): boolean {
  if (KNOWN[id] === 1 || OTHERS.has(name)) return false;
  if (name.charCodeAt(0) !== 0x78) return true;
  for (let i = 0; i < OF_PROXIES.length; i++) {
    if (name.startsWith(OF_PROXIES[i] as string)) return false;
  }
  return true;
}

/** Removes what may not stand there. */
export function keepTrailers(trailers: HeaderTable): void {
  for (let i = 0; i < trailers.count; i++) {
    if (trailers.removedAt(i)) continue;
    const name = trailers.name(i);
    if (!mayTrail(trailers.id(i), name)) trailers.removeName(name);
  }
}
