import { parseIp, sharesPrefix } from "../../../base/ip-address.ts";
import type { CidrRange } from "../../../model/listener.ts";

/** What a match does not allow. */
export const NO_MATCH = -1;

interface Range {
  readonly prefix: Uint8Array;
  readonly bits: number;
}

/** The ranges of addresses that a filter chain asks for. */
export class Ranges {
  readonly #ranges: readonly Range[];

  /** Throws where an address is none. */
  constructor(ranges: readonly CidrRange[]) {
    this.#ranges = ranges.map(({ address, prefixLength: bits }) => {
      const prefix = parseIp(address);
      if (prefix === undefined) throw new Error(`${address} is no address`);
      return { prefix, bits };
    });
  }

  /** Anything at all is asked. */
  get some(): boolean {
    return this.#ranges.length > 0;
  }

  /** 0 where nothing is asked, else one more than the length of the longest range that holds it. */
  rank(ip: Uint8Array | undefined): number {
    if (this.#ranges.length === 0) return 0;
    let best = NO_MATCH;
    for (const { bits, prefix } of this.#ranges) {
      if (bits >= best && ip !== undefined && sharesPrefix(ip, prefix, bits)) best = bits + 1;
    }
    return best;
  }
}
