import { byteAt, HOST_CHAR, isDigit } from "./character.ts";

const PORT_MAX = 65_535;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COLON = 0x3a;

/**
 * Whether the text is `host` or `host:port` as every parser would read it (RFC 9110 section 7.2):
 * no user information, no list, no path, a port in range. An empty host is refused.
 */
export function isAuthority(text: string): boolean {
  const hostEnd = text.charCodeAt(0) === OPEN_BRACKET ? ipv6End(text) : nameEnd(text);
  if (hostEnd <= 0) return false;
  return hostEnd === text.length || portOf(text, hostEnd) >= 0;
}

/** As `isAuthority`, with a port that must be there: the target of CONNECT. */
export function isAuthorityWithPort(text: string): boolean {
  const colon = text.lastIndexOf(":");
  if (colon < 0 || text.endsWith("]")) return false;
  return isAuthority(text) && portOf(text, colon) > 0;
}

/** Where the host's name ends, 0 where there is none. */
function nameEnd(text: string): number {
  let i = 0;
  while (i < text.length && byteAt(HOST_CHAR, text.charCodeAt(i) & 0xff) === 1) i++;
  return i;
}

/** Behind the `]` of an IPv6 literal, -1 where it is none. */
function ipv6End(text: string): number {
  let i = 1;
  for (; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === CLOSE_BRACKET) break;
    const small = code | 0x20;
    const hex = isDigit(code) || (small >= 0x61 && small <= 0x66);
    if (!hex && code !== COLON && code !== 0x2e) return -1;
  }
  return i > 2 && i < text.length ? i + 1 : -1;
}

/** The port behind the colon at `at`, -1 where there is no valid one. */
function portOf(text: string, at: number): number {
  if (text.charCodeAt(at) !== COLON) return -1;
  const digits = text.length - at - 1;
  if (digits < 1 || digits > 5) return -1;
  let port = 0;
  for (let i = at + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (!isDigit(code)) return -1;
    port = port * 10 + code - 0x30;
  }
  return port <= PORT_MAX ? port : -1;
}
