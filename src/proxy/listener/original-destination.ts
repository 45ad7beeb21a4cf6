import koffi from "koffi";
import { type SocketAddress, socketAddress } from "../../model/address.ts";

/** From linux/netfilter_ipv4.h and linux/netfilter_ipv6/ip6_tables.h. */
const SOL_IP = 0;
const SOL_IPV6 = 41;
const SO_ORIGINAL_DST = 80;
const IP6T_SO_ORIGINAL_DST = 80;

const SOCKADDR_IN_BYTES = 16;
const SOCKADDR_IN6_BYTES = 28;

type GetSockOpt = (
  fd: number,
  level: number,
  name: number,
  value: Buffer,
  size: number[],
) => number;

let getsockopt: GetSockOpt | undefined;

/** Loaded at the first use, so that a machine without iptables never needs it. */
function load(): GetSockOpt {
  const declaration =
    "int getsockopt(int fd, int level, int name, _Out_ uint8_t *value, _Inout_ uint32_t *size)";
  getsockopt ??= koffi.load(null).func(declaration) as unknown as GetSockOpt;
  return getsockopt;
}

const value = Buffer.alloc(SOCKADDR_IN6_BYTES);

/**
 * Where a redirected connection wanted to go (iptables REDIRECT); undefined where it was not
 * redirected. `fd`: of the accepted socket.
 */
export function originalDestination(fd: number, ipv6: boolean): SocketAddress | undefined {
  if (process.platform !== "linux" || fd < 0) return undefined;
  return ipv6 ? (readIpv6(fd) ?? readIpv4(fd)) : readIpv4(fd);
}

function readIpv4(fd: number): SocketAddress | undefined {
  if (load()(fd, SOL_IP, SO_ORIGINAL_DST, value, [SOCKADDR_IN_BYTES]) !== 0) return undefined;
  const host = `${value[4]}.${value[5]}.${value[6]}.${value[7]}`;
  return socketAddress(host, value.readUInt16BE(2));
}

function readIpv6(fd: number): SocketAddress | undefined {
  const size = [SOCKADDR_IN6_BYTES];
  if (load()(fd, SOL_IPV6, IP6T_SO_ORIGINAL_DST, value, size) !== 0) return undefined;
  const groups: string[] = [];
  for (let i = 8; i < 24; i += 2) groups.push(value.readUInt16BE(i).toString(16));
  return socketAddress(canonicalIpv6(groups.join(":")), value.readUInt16BE(2));
}

/** The short form that Node prints and configuration uses. */
function canonicalIpv6(text: string): string {
  return new URL(`http://[${text}]`).hostname.slice(1, -1);
}
