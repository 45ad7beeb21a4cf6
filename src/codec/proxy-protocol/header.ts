import { isUnicast } from "../../base/ip-address.ts";

/**
 * The PROXY protocol (HAProxy: doc/proxy-protocol.txt, sections 2.1 and 2.2): what a connection
 * begins with to say whose it is.
 */

export type HeaderVersion = "v1" | "v2";

/** Both of one family: 4 or 16 bytes. */
export interface ProxiedAddresses {
  readonly sourceIp: Uint8Array;
  readonly sourcePort: number;
  readonly destinationIp: Uint8Array;
  readonly destinationPort: number;
}

export const V1_START: Buffer = Buffer.from("PROXY ", "latin1");
export const V2_START: Buffer = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");

/** The longest line of version 1, CR and LF included. */
export const LINE_BYTES_MAX = 107;
/** Signature, version and command, family, length. */
export const FIXED_BYTES = 16;

export const VERSION_2 = 2;
export const LOCAL = 0;
export const PROXY = 1;
export const FAMILY_IPV4 = 1;
export const FAMILY_IPV6 = 2;
export const STREAM = 1;
export const DATAGRAM = 2;

const IPV4_BYTES = 4;
const IPV6_BYTES = 16;

/** What is nobody's own address is no end of a connection. */
export function areEnds({ destinationIp, sourceIp }: ProxiedAddresses): boolean {
  return isUnicast(sourceIp) && isUnicast(destinationIp);
}

/** Both in one family: an IPv4 address beside an IPv6 one is mapped (RFC 4291 section 2.5.5.2). */
export function inOneFamily(addresses: ProxiedAddresses): ProxiedAddresses {
  const { destinationIp, sourceIp } = addresses;
  if (sourceIp.length === destinationIp.length) return addresses;
  return { ...addresses, sourceIp: mapped(sourceIp), destinationIp: mapped(destinationIp) };
}

function mapped(ip: Uint8Array): Uint8Array {
  if (ip.length === IPV6_BYTES) return ip;
  const bytes = new Uint8Array(IPV6_BYTES);
  bytes.fill(0xff, 10, 12);
  bytes.set(ip, IPV6_BYTES - IPV4_BYTES);
  return bytes;
}
