// hot path: no allocation per request
import type { HttpConnectionManager } from "../../model/listener.ts";

const CLOSE_BRACKET = 0x5d;

export function withoutPort(authority: string): string {
  const colon = portColon(authority);
  return colon < 0 ? authority : authority.slice(0, colon);
}

/**
 * The authority as it is routed by, logged and forwarded: without the dot at the name's end and
 * without port, as far as the connection manager is told so (Envoy: maybeNormalizeHost).
 * `localAddress`: `address:port` at which the client reached this proxy.
 */
export function normalAuthority(
  authority: string,
  { stripPort, stripTrailingHostDot }: HttpConnectionManager,
  localAddress: string,
): string {
  let host = stripTrailingHostDot ? withoutTrailingDot(authority) : authority;
  if (stripPort === "any") host = withoutPort(host);
  else if (stripPort === "matching" && portOf(host) === portOf(localAddress)) {
    host = withoutPort(host);
  }
  return host;
}

/** A name of nothing but its dot stays. */
function withoutTrailingDot(authority: string): string {
  const host = withoutPort(authority);
  if (host.length < 2 || !host.endsWith(".")) return authority;
  return host.slice(0, -1) + authority.slice(host.length);
}

/** Where the port's colon stands, -1 without port; those of an IPv6 address are in brackets. */
function portColon(authority: string): number {
  if (authority.charCodeAt(authority.length - 1) === CLOSE_BRACKET) return -1;
  return authority.lastIndexOf(":");
}

function portOf(authority: string): string {
  const colon = portColon(authority);
  return colon < 0 ? "" : authority.slice(colon + 1);
}
