import { ID } from "../http/header-name.ts";
import type { HeaderTable } from "../http/header-table.ts";

/** What the `Connection` field asked for (RFC 9110 section 7.6.1). */
export interface ConnectionOptions {
  close: boolean;
  keepAlive: boolean;
  upgrade: boolean;
}

/**
 * What proxies in front may have set, for others to rely upon: a client must not have it removed by
 * naming it. Envoy refuses some of them.
 */
const PROTECTED: ReadonlySet<string> = new Set([
  "host",
  "authorization",
  "proxy-authorization",
  "cookie",
  "content-length",
  "transfer-encoding",
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-forwarded-client-cert",
  "x-request-id",
  "x-envoy-peer-metadata",
  "x-envoy-peer-metadata-id",
]);

/** More nominated fields than these are refused, as Envoy does. */
const NOMINATED_MAX = 10;

/**
 * Reads `Connection` into `options` and removes the fields that it nominates. False where it
 * nominates a protected field, which then stays, or too many.
 */
export function takeConnectionField(headers: HeaderTable, options: ConnectionOptions): boolean {
  let nominated = 0;
  let fine = true;
  let index = headers.find(ID.connection);
  for (; index >= 0; index = headers.find(ID.connection, index + 1)) {
    const value = headers.value(index);
    if (takeOption(value, options)) continue;
    for (const token of value.split(",")) {
      const name = token.trim().toLowerCase();
      if (name === "" || takeOption(name, options)) continue;
      if (++nominated > NOMINATED_MAX || PROTECTED.has(name)) fine = false;
      else if (name !== "te") headers.removeName(name);
    }
  }
  return fine;
}

function takeOption(name: string, options: ConnectionOptions): boolean {
  switch (name) {
    case "close":
      options.close = true;
      return true;
    case "keep-alive":
      options.keepAlive = true;
      return true;
    case "upgrade":
      options.upgrade = true;
      return true;
    case "http2-settings":
      return true;
    default:
      return false;
  }
}

/** Removes what holds for one connection alone, and offers of HTTP/2 over it. */
export function removeHopByHop(headers: HeaderTable): void {
  if (headers.has(ID.connection)) headers.remove(ID.connection);
  if (headers.has(ID["keep-alive"])) headers.remove(ID["keep-alive"]);
  if (headers.has(ID["proxy-connection"])) headers.remove(ID["proxy-connection"]);
  if (headers.has(ID["http2-settings"])) headers.remove(ID["http2-settings"]);
  if (headers.has(ID["transfer-encoding"])) headers.remove(ID["transfer-encoding"]);
  if (headers.has(ID.te)) keepTrailersOnly(headers);
}

function keepTrailersOnly(headers: HeaderTable): void {
  const asked = headers.joined("te")?.toLowerCase() ?? "";
  headers.remove(ID.te);
  if (asked.split(",").some(isTrailers)) headers.set(ID.te, "trailers");
}

function isTrailers(coding: string): boolean {
  return coding.trim() === "trailers";
}
