import { formatIp } from "../../base/ip-address.ts";
import {
  FAMILY_IPV4,
  FAMILY_IPV6,
  type HeaderVersion,
  inOneFamily,
  LOCAL,
  PROXY,
  type ProxiedAddresses,
  STREAM,
  V2_START,
  VERSION_2,
} from "./header.ts";

const IPV4_BYTES = 4;

/** The header for a connection between these; undefined: this side's own (a health check). */
export function writeHeader(
  version: HeaderVersion,
  addresses: ProxiedAddresses | undefined,
): Buffer {
  const both = addresses === undefined ? undefined : inOneFamily(addresses);
  return version === "v1" ? writeLine(both) : writeBinary(both);
}

function writeLine(addresses: ProxiedAddresses | undefined): Buffer {
  if (addresses === undefined) return Buffer.from("PROXY UNKNOWN\r\n", "latin1");
  const { destinationIp, destinationPort, sourceIp, sourcePort } = addresses;
  const family = sourceIp.length === IPV4_BYTES ? "TCP4" : "TCP6";
  const ends = `${formatIp(sourceIp)} ${formatIp(destinationIp)}`;
  return Buffer.from(`PROXY ${family} ${ends} ${sourcePort} ${destinationPort}\r\n`, "latin1");
}

function writeBinary(addresses: ProxiedAddresses | undefined): Buffer {
  if (addresses === undefined) return Buffer.from([...V2_START, (VERSION_2 << 4) | LOCAL, 0, 0, 0]);
  const { destinationIp, destinationPort, sourceIp, sourcePort } = addresses;
  const family = sourceIp.length === IPV4_BYTES ? FAMILY_IPV4 : FAMILY_IPV6;
  const length = 2 * sourceIp.length + 4;
  return Buffer.from([
    ...V2_START,
    (VERSION_2 << 4) | PROXY,
    (family << 4) | STREAM,
    ...twoBytes(length),
    ...sourceIp,
    ...destinationIp,
    ...twoBytes(sourcePort),
    ...twoBytes(destinationPort),
  ]);
}

function twoBytes(value: number): readonly [number, number] {
  return [value >> 8, value & 0xff];
}
