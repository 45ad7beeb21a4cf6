import { formatIp, parseIp } from "../base/ip-address.ts";
import type { SubjectAltNames } from "./subject-alt-names.ts";

/**
 * Whether a server's certificate is one for this host: an address of its own, or a DNS name, whose
 * first label a wildcard may stand for (RFC 9525 section 6). Its subject never counts.
 */
export function isServerFor(names: SubjectAltNames, host: string): boolean {
  const address = parseIp(host);
  if (address !== undefined) return names.ip.includes(formatIp(address));
  const wanted = host.toLowerCase().replace(/\.$/, "");
  return names.dns.some((name) => isDnsName(name.toLowerCase(), wanted));
}

function isDnsName(pattern: string, wanted: string): boolean {
  if (pattern === wanted) return true;
  if (!pattern.startsWith("*.") || pattern.indexOf(".", 2) < 0) return false;
  const dot = wanted.indexOf(".");
  return dot > 0 && wanted.slice(dot) === pattern.slice(1);
}
