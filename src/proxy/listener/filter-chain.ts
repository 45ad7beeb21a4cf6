import { BlockList, isIPv6 } from "node:net";
import type { Address } from "../../model/address.ts";
import type { FilterChain, FilterChainMatch } from "../../model/listener.ts";
import type { CompiledHcm } from "../compile/compiled-hcm.ts";
import type { Sniffed } from "./sniff.ts";
import type { CompiledTcpProxy } from "./tcp-proxy.ts";

export type CompiledFilter =
  | { readonly kind: "http"; readonly hcm: CompiledHcm }
  | { readonly kind: "tcp"; readonly tcp: CompiledTcpProxy };

/** A filter chain at work, with how exactly it is matched. */
export class CompiledChain {
  readonly name: string;
  readonly filter: CompiledFilter;
  readonly #match: FilterChainMatch;
  readonly #ranges: readonly { readonly list: BlockList; readonly bits: number }[];

  constructor(chain: FilterChain, filter: CompiledFilter) {
    this.name = chain.name;
    this.filter = filter;
    this.#match = chain.match;
    this.#ranges = chain.match.prefixRanges.map(({ address, prefixLength }) => {
      const list = new BlockList();
      list.addSubnet(address, prefixLength, isIPv6(address) ? "ipv6" : "ipv4");
      return { list, bits: prefixLength };
    });
  }

  /** TLS is not terminated, so only chains for plain bytes, or for any, are reached. */
  get reachable(): boolean {
    return this.#match.transportProtocol !== "tls";
  }

  /**
   * How specific the match is, -1 for none: destination port, then address prefix, then transport
   * protocol, then application protocol, in Envoy's order of importance.
   */
  score(destination: Address, protocol: Sniffed): number {
    const { applicationProtocols, destinationPort, transportProtocol } = this.#match;
    const port = destination.kind === "socket" ? destination.port : 0;
    if (destinationPort !== undefined && destinationPort !== port) return -1;
    const bits = this.#bitsOf(destination);
    if (bits < 0) return -1;
    const known = applicationProtocols.includes(protocol);
    if (applicationProtocols.length > 0 && !known) return -1;
    return (
      (destinationPort === undefined ? 0 : 1_000_000) +
      bits * 1000 +
      (transportProtocol === "" ? 0 : 10) +
      (known ? 1 : 0)
    );
  }

  /** One more than the length of the longest range that holds the address; 0 without ranges. */
  #bitsOf(destination: Address): number {
    if (this.#ranges.length === 0) return 0;
    if (destination.kind !== "socket") return -1;
    const family = isIPv6(destination.host) ? "ipv6" : "ipv4";
    let best = -1;
    for (const { list, bits } of this.#ranges) {
      if (list.check(destination.host, family)) best = Math.max(best, bits + 1);
    }
    return best;
  }
}

const HTTP: readonly Sniffed[] = ["http/1.1", "http/1.0", "h2c"];

/** The chains of a listener. */
export class ChainSet {
  readonly #chains: readonly CompiledChain[];
  readonly #fallback: CompiledChain | undefined;

  constructor(chains: readonly CompiledChain[], fallback: CompiledChain | undefined) {
    this.#chains = chains.filter(({ reachable }) => reachable);
    this.#fallback = fallback;
  }

  /**
   * Whether the choice for this destination depends on what the client says first. Where it does
   * not, nobody waits: on a TCP port it may be the server that speaks first.
   */
  needsSniffing(destination: Address): boolean {
    const silent = this.find(destination, "other");
    return HTTP.some((protocol) => this.find(destination, protocol) !== silent);
  }

  find(destination: Address, protocol: Sniffed): CompiledChain | undefined {
    let best: CompiledChain | undefined;
    let bestScore = -1;
    for (const chain of this.#chains) {
      const score = chain.score(destination, protocol);
      if (score > bestScore) {
        best = chain;
        bestScore = score;
      }
    }
    return best ?? this.#fallback;
  }
}
