import { BlockList, isIPv6 } from "node:net";
import type { Address } from "../../model/address.ts";
import type { FilterChain, FilterChainMatch } from "../../model/listener.ts";
import { CARRYING_ALPN, CARRYING_TCP_ALPN } from "../carry/protocol.ts";
import type { CompiledHcm } from "../compile/compiled-hcm.ts";
import type { CompiledTcpProxy } from "../tcp/compiled-tcp-proxy.ts";
import type { ServerContext } from "../tls/server-context.ts";
import { type FirstBytes, SILENT, spoken } from "./first-bytes.ts";

export type CompiledFilter =
  | { readonly kind: "http"; readonly hcm: CompiledHcm }
  | { readonly kind: "tcp"; readonly tcp: CompiledTcpProxy };

/** What a chain's match does not allow. */
const NO_MATCH = -1;

/**
 * Other Outrigger sidecars may have their requests and connections carried to a filter, where they
 * show who they are: to strangers a carrier would be HTTP/2 with fewer guards.
 */
function ownProtocolOf(filter: CompiledFilter, tls: ServerContext | undefined): string {
  const { context } = filter.kind === "http" ? filter.hcm : filter.tcp;
  const explicit = filter.kind === "http" && filter.hcm.config.explicitProxy;
  const known = tls?.knowsClients === true;
  if (!context.carrying || !known || explicit) return "";
  return filter.kind === "http" ? CARRYING_ALPN : CARRYING_TCP_ALPN;
}

/**
 * A filter chain at work. Its ranks say how exactly it matches in one respect: `NO_MATCH`, 0 where
 * it does not care, and more the more exact it is.
 */
export class CompiledChain {
  readonly name: string;
  readonly filter: CompiledFilter;
  /** Undefined: plain bytes, or TLS that is passed through. */
  readonly tls: ServerContext | undefined;
  readonly match: FilterChainMatch;
  /** ALPN's name of a protocol of our own, agreed upon before the configured ones; or empty. */
  readonly ownProtocol: string;
  readonly #serverNames: readonly string[];
  readonly #ranges: readonly { readonly list: BlockList; readonly bits: number }[];

  constructor(chain: FilterChain, filter: CompiledFilter, tls?: ServerContext) {
    this.name = chain.name;
    this.filter = filter;
    this.tls = tls;
    this.match = chain.match;
    this.ownProtocol = ownProtocolOf(filter, tls);
    this.#serverNames = chain.match.serverNames.map((name) => name.toLowerCase());
    this.#ranges = chain.match.prefixRanges.map(({ address, prefixLength }) => {
      const list = new BlockList();
      list.addSubnet(address, prefixLength, isIPv6(address) ? "ipv6" : "ipv4");
      return { list, bits: prefixLength };
    });
  }

  /** Who takes what is read lets go of it before the next read. */
  get sharesReads(): boolean {
    return this.filter.kind === "tcp" || !this.filter.hcm.config.explicitProxy;
  }

  portRank(destination: Address): number {
    const { destinationPort } = this.match;
    if (destinationPort === undefined) return 0;
    return destination.kind === "socket" && destination.port === destinationPort ? 1 : NO_MATCH;
  }

  /** One more than the length of the longest range that holds the address. */
  rangeRank(destination: Address): number {
    if (this.#ranges.length === 0) return 0;
    if (destination.kind !== "socket") return NO_MATCH;
    const family = isIPv6(destination.host) ? "ipv6" : "ipv4";
    const holding = this.#ranges.filter(({ list }) => list.check(destination.host, family));
    return Math.max(NO_MATCH, ...holding.map(({ bits }) => bits + 1));
  }

  /** An exact name before the longest wildcard. */
  serverNameRank({ serverName }: FirstBytes): number {
    if (this.#serverNames.length === 0) return 0;
    if (this.#serverNames.includes(serverName)) return Number.POSITIVE_INFINITY;
    const suffixes = this.#serverNames.filter((name) => name.startsWith("*."));
    const matching = suffixes.filter((name) => serverName.endsWith(name.slice(1)));
    return Math.max(NO_MATCH, ...matching.map((name) => name.length));
  }

  transportRank({ transport }: FirstBytes): number {
    const { transportProtocol } = this.match;
    if (transportProtocol === "") return 0;
    return transportProtocol === transport ? 1 : NO_MATCH;
  }

  /** The client's first choice before its second. */
  applicationRank({ applicationProtocols: offered }: FirstBytes): number {
    const wanted = this.match.applicationProtocols;
    if (wanted.length === 0) return 0;
    const place = offered.findIndex((protocol) => wanted.includes(protocol));
    return place < 0 ? NO_MATCH : offered.length - place;
  }

  /** Whether a ClientHello has a say in whether this chain is chosen, or in what it does. */
  readsHello(inspected: boolean): boolean {
    const { applicationProtocols, serverNames, transportProtocol } = this.match;
    if (this.tls !== undefined || serverNames.length > 0 || transportProtocol === "tls")
      return true;
    return inspected && (transportProtocol !== "" || applicationProtocols.length > 0);
  }
}

/** The chains of a listener. */
export class ChainSet {
  readonly #chains: readonly CompiledChain[];
  readonly #fallback: CompiledChain | undefined;

  constructor(chains: readonly CompiledChain[], fallback: CompiledChain | undefined) {
    this.#chains = chains;
    this.#fallback = fallback;
  }

  /**
   * Whether a client has to begin with a ClientHello, or with something else, before its chain is
   * known. `inspected`: the listener has Envoy's tls_inspector; it is understood where chains ask
   * for names, or terminate TLS.
   */
  needsHello(destination: Address, inspected: boolean): boolean {
    if (this.#fallback?.readsHello(inspected) === true) return true;
    return this.#towards(destination).some((chain) => chain.readsHello(inspected));
  }

  /**
   * Whether the choice for this destination depends on what a client without TLS says first. Where
   * it does not, nobody waits: on a TCP port it may be the server that speaks first.
   */
  needsRequest(destination: Address): boolean {
    const silent = this.find(destination, SILENT);
    return spoken.some((bytes) => this.find(destination, bytes) !== silent);
  }

  /**
   * Envoy's order of importance: destination port, address prefix, server name, transport protocol,
   * application protocol. Once a step has chosen the most exact, the others are out for good: what
   * then fails a later step gets the default chain.
   */
  find(destination: Address, bytes: FirstBytes): CompiledChain | undefined {
    let left = this.#towards(destination);
    left = mostExact(left, (chain) => chain.serverNameRank(bytes));
    left = mostExact(left, (chain) => chain.transportRank(bytes));
    left = mostExact(left, (chain) => chain.applicationRank(bytes));
    return left[0] ?? this.#fallback;
  }

  #towards(destination: Address): readonly CompiledChain[] {
    const left = mostExact(this.#chains, (chain) => chain.portRank(destination));
    return mostExact(left, (chain) => chain.rangeRank(destination));
  }
}

/** The chains of the highest rank; none where none matches. */
function mostExact(
  chains: readonly CompiledChain[],
  rankOf: (chain: CompiledChain) => number,
): readonly CompiledChain[] {
  let best = 0;
  let found: CompiledChain[] = [];
  for (const chain of chains) {
    const rank = rankOf(chain);
    if (rank < best) continue;
    if (rank > best) found = [];
    best = rank;
    found.push(chain);
  }
  return found;
}
