/** The mesh's addresses: a free /16, its first address the gateway's, the pods' after it. */

import { canonical } from "../names/reverse.ts";

/** First two numbers of a /16, as `10.203`. */
export interface Subnet {
  readonly prefix: string;
  /** `10.203.0.1`: the control plane, the console and the names answer here. */
  readonly gateway: string;
  /** `10.203.255.254`: the pods' way to everything outside the mesh. */
  readonly exit: string;
  /** `10.203.0.0/16`. */
  readonly range: string;
  /** The same for IPv6: `fd6f:75cb::1`, `fd6f:75cb::ff:fe`, `fd6f:75cb::/64`. */
  readonly ipv6: { readonly gateway: string; readonly exit: string; readonly range: string };
}

const FIRST = 200;
const LAST = 250;
/** The exit's: pods have the ones before it. */
const LAST_INDEX = 65_534;
const FALLBACK: readonly string[] = ["198.18", "198.19"];

export function subnetOf(prefix: string): Subnet {
  return {
    prefix,
    gateway: `${prefix}.0.1`,
    exit: `${prefix}.255.254`,
    range: `${prefix}.0.0/16`,
    ipv6: {
      gateway: ipv6Of(`${prefix}.0.1`),
      exit: ipv6Of(`${prefix}.255.254`),
      range: `${ipv6Of(`${prefix}.0.0`)}/64`,
    },
  };
}

/** The IPv6 address beside an IPv4 one: `fd6f:75cb::3:4` for 10.203.3.4 (RFC 4193). */
export function ipv6Of(address: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number);
  const [network, high, low] = [((a ^ 0x7f) << 8) | b, c, d].map((part) => part.toString(16));
  return canonical(`fd6f:${network}::${high}:${low}`);
}

/**
 * The ranges that overlap none of the host's routes (`ip -j route`): `10.200` to `10.250`, and
 * where a VPN has taken all of 10, the two that are kept for benchmarks (RFC 2544).
 */
export function freeSubnets(routes: readonly string[]): Subnet[] {
  const taken = routes.flatMap((route) => parseRange(route) ?? []);
  const isFree = (prefix: string): boolean => {
    const own = parseRange(subnetOf(prefix).range);
    return own !== undefined && !taken.some((each) => each.start < own.end && own.start < each.end);
  };
  const preferred = Array.from({ length: LAST - FIRST + 1 }, (_, index) => `10.${FIRST + index}`);
  const free = preferred.filter(isFree);
  return (free.length > 0 ? free : FALLBACK.filter(isFree)).map(subnetOf);
}

interface NumericRange {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

function parseRange(text: string): NumericRange | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)(?:\/(\d+))?$/.exec(text);
  if (match === null) return undefined;
  const address = match.slice(1, 5).reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - Number(match[5] ?? 32));
  const start = Math.floor(address / size) * size;
  return { start, end: start + size };
}

/** Hands out the addresses of a subnet after the gateway's; a released one is not used again. */
export class AddressPool {
  readonly #prefix: string;
  #next = 2;

  constructor(subnet: Subnet) {
    this.#prefix = subnet.prefix;
  }

  take(): string {
    if (this.#next >= LAST_INDEX) throw new Error(`no address is left in ${this.#prefix}.0.0/16`);
    const index = this.#next++;
    // The last number is never 0 or 255: some tools take those for a network's own addresses.
    if (this.#next % 256 === 255) this.#next += 2;
    return `${this.#prefix}.${Math.floor(index / 256)}.${index % 256}`;
  }
}
