/** The mesh's addresses: a free /16, its first address the gateway's, the pods' after it. */

/** First two numbers of a /16, as `10.203`. */
export interface Subnet {
  readonly prefix: string;
  /** `10.203.0.1`: the control plane, the console and the names answer here. */
  readonly gateway: string;
  /** `10.203.0.0/16`. */
  readonly range: string;
}

const FIRST = 200;
const LAST = 250;

export function subnetOf(prefix: string): Subnet {
  return { prefix, gateway: `${prefix}.0.1`, range: `${prefix}.0.0/16` };
}

/** `10.200` to `10.250` without those that overlap one of the host's routes (`ip -j route`). */
export function freeSubnets(routes: readonly string[]): Subnet[] {
  const taken = routes.flatMap((route) => parseRange(route) ?? []);
  const free: Subnet[] = [];
  for (let second = FIRST; second <= LAST; second++) {
    const start = (10 * 256 + second) * 65_536;
    const overlaps = taken.some((range) => range.start < start + 65_536 && start < range.end);
    if (!overlaps) free.push(subnetOf(`10.${second}`));
  }
  return free;
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
    if (this.#next >= 65_535) throw new Error(`no address is left in ${this.#prefix}.0.0/16`);
    const index = this.#next++;
    // The last number is never 0 or 255: some tools take those for a network's own addresses.
    if (index % 256 === 255) this.#next += 1;
    return `${this.#prefix}.${Math.floor(index / 256)}.${index % 256}`;
  }
}
