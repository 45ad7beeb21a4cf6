import { parseIp, sharesPrefix } from "../../base/ip-address.ts";
import { type CidrBlock, parseCidr } from "./cidr.ts";

/**
 * Blocks that no stranger's URL may lead into: this machine, its networks, the cloud's metadata
 * (IANA's special-purpose registries, RFC 6890). Those of IPv6 that carry IPv4 addresses are whole.
 */
const SPECIAL: readonly CidrBlock[] = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3",
  "::/96",
  "::ffff:0.0.0.0/96",
  "64:ff9b::/96",
  "64:ff9b:1::/48",
  "100::/64",
  "2001::/23",
  "2001:db8::/32",
  "2002::/16",
  "3fff::/20",
  "5f00::/16",
  "fc00::/7",
  "fe80::/10",
  "fec0::/10",
  "ff00::/8",
].map((text) => {
  const block = parseCidr(text);
  if (block === undefined) throw new Error(`${text} is no block of addresses`);
  return block;
});

/** Whether keys may be fetched from an address: a public one, or one that was allowed by name. */
export function isReachable(address: string, allowed: readonly CidrBlock[]): boolean {
  const bytes = parseIp(address);
  if (bytes === undefined) return false;
  const lies = ({ base, bits }: CidrBlock): boolean => sharesPrefix(bytes, base, bits);
  return allowed.some(lies) || !SPECIAL.some(lies);
}
