import type { FilterChain, FilterChainMatch } from "../../model/listener.ts";
import { CARRYING_ALPN, CARRYING_TCP_ALPN } from "../carry/protocol.ts";
import type { CompiledHcm } from "../compile/compiled-hcm.ts";
import type { CompiledTcpProxy } from "../tcp/compiled-tcp-proxy.ts";
import type { ServerContext } from "../tls/server-context.ts";
import { type FirstBytes, SILENT, spoken } from "./first-bytes.ts";
import type { Ends } from "./match/ends.ts";
import { NO_MATCH, Ranges } from "./match/ranges.ts";

export type CompiledFilter =
  | { readonly kind: "http"; readonly hcm: CompiledHcm }
  | { readonly kind: "tcp"; readonly tcp: CompiledTcpProxy };

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
  readonly #serverNames: ReadonlySet<string>;
  /** `.example` for `*.example`. */
  readonly #suffixes: readonly string[];
  readonly #ranges: Ranges;
  readonly #directSources: Ranges;
  readonly #sources: Ranges;
  readonly #config: FilterChain;
  #text = "";

  constructor(chain: FilterChain, filter: CompiledFilter, tls?: ServerContext) {
    this.#config = chain;
    this.name = chain.name;
    this.filter = filter;
    this.tls = tls;
    this.match = chain.match;
    const names = chain.match.serverNames.map((name) => name.toLowerCase());
    this.#serverNames = new Set(names.filter((name) => !name.startsWith("*")));
    this.#suffixes = names.filter((name) => name.startsWith("*")).map((name) => name.slice(1));
    this.#ranges = new Ranges(chain.match.prefixRanges);
    this.#directSources = new Ranges(chain.match.directSourcePrefixRanges);
    this.#sources = new Ranges(chain.match.sourcePrefixRanges);
  }

  /** The same for chains that are configured the same. */
  get text(): string {
    if (this.#text === "") this.#text = JSON.stringify(this.#config);
    return this.#text;
  }

  /** ALPN's name of a protocol of our own, agreed upon before the configured ones; or empty. */
  get ownProtocol(): string {
    return ownProtocolOf(this.filter, this.tls);
  }

  /** Who takes what is read lets go of it before the next read. */
  get sharesReads(): boolean {
    return this.filter.kind === "tcp" || !this.filter.hcm.config.explicitProxy;
  }

  portRank({ port }: Ends): number {
    const { destinationPort } = this.match;
    if (destinationPort === undefined) return 0;
    return port === destinationPort ? 1 : NO_MATCH;
  }

  rangeRank(ends: Ends): number {
    return this.#ranges.some ? this.#ranges.rank(ends.destinationIp) : 0;
  }

  /** An exact name before the longest wildcard. */
  serverNameRank({ serverName }: FirstBytes): number {
    if (this.match.serverNames.length === 0) return 0;
    if (this.#serverNames.has(serverName)) return Number.POSITIVE_INFINITY;
    const matching = this.#suffixes.filter((suffix) => serverName.endsWith(suffix));
    return Math.max(NO_MATCH, ...matching.map((suffix) => suffix.length));
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

  get asksSource(): boolean {
    const { sourcePorts, sourceType } = this.match;
    const asksRange = this.#directSources.some || this.#sources.some;
    return asksRange || sourceType !== "any" || sourcePorts.length > 0;
  }

  directSourceRank(ends: Ends): number {
    return this.#directSources.some ? this.#directSources.rank(ends.directIp) : 0;
  }

  sourceTypeRank(ends: Ends): number {
    const { sourceType } = this.match;
    if (sourceType === "any") return 0;
    return ends.isLocal === (sourceType === "sameIpOrLoopback") ? 1 : NO_MATCH;
  }

  sourceRank(ends: Ends): number {
    return this.#sources.some ? this.#sources.rank(ends.sourceIp) : 0;
  }

  sourcePortRank({ sourcePort }: Ends): number {
    const { sourcePorts } = this.match;
    if (sourcePorts.length === 0) return 0;
    return sourcePorts.includes(sourcePort) ? 1 : NO_MATCH;
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
  /** What no chain asks about is not looked at. */
  readonly #asksProtocols: boolean;
  readonly #asksSources: boolean;

  constructor(chains: readonly CompiledChain[], fallback: CompiledChain | undefined) {
    this.#chains = chains;
    this.#fallback = fallback;
    this.#asksProtocols = chains.some(({ match }) => match.applicationProtocols.length > 0);
    this.#asksSources = chains.some(({ asksSource }) => asksSource);
  }

  /** Every TLS context that some chain terminates with. */
  get contexts(): readonly ServerContext[] {
    return [...new Set(this.#all.flatMap(({ tls }) => tls ?? []))];
  }

  /** What tells each chain from others. */
  get texts(): ReadonlySet<string> {
    return new Set(this.#all.map(({ text }) => text));
  }

  get #all(): readonly CompiledChain[] {
    return this.#fallback === undefined ? this.#chains : [...this.#chains, this.#fallback];
  }

  /**
   * Whether a client has to begin with a ClientHello, or with something else, before its chain is
   * known. `inspected`: the listener has Envoy's tls_inspector; it is understood where chains ask
   * for names, or terminate TLS.
   */
  needsHello(ends: Ends, inspected: boolean): boolean {
    if (this.#fallback?.readsHello(inspected) === true) return true;
    return this.#towards(ends).some((chain) => chain.readsHello(inspected));
  }

  /**
   * Whether the choice for this destination depends on what a client without TLS says first. Where
   * it does not, nobody waits: on a TCP port it may be the server that speaks first.
   */
  needsRequest(ends: Ends): boolean {
    if (!this.#asksProtocols) return false;
    const silent = this.find(ends, SILENT);
    return spoken.some((bytes) => this.find(ends, bytes) !== silent);
  }

  /**
   * Envoy's order of importance (listener.v3.FilterChainMatch): destination port, address prefix,
   * server name, transport protocol, application protocol, the connection's other end, the kind of
   * source, its address, its port. Once a step has chosen the most exact, the others are out for
   * good: what then fails a later step gets the default chain.
   */
  find(ends: Ends, bytes: FirstBytes): CompiledChain | undefined {
    let left = this.#towards(ends);
    left = mostExact(left, (chain) => chain.serverNameRank(bytes));
    left = mostExact(left, (chain) => chain.transportRank(bytes));
    left = mostExact(left, (chain) => chain.applicationRank(bytes));
    if (this.#asksSources) left = this.#from(ends, left);
    return left[0] ?? this.#fallback;
  }

  #from(ends: Ends, chains: readonly CompiledChain[]): readonly CompiledChain[] {
    let left = mostExact(chains, (chain) => chain.directSourceRank(ends));
    left = mostExact(left, (chain) => chain.sourceTypeRank(ends));
    left = mostExact(left, (chain) => chain.sourceRank(ends));
    return mostExact(left, (chain) => chain.sourcePortRank(ends));
  }

  #towards(ends: Ends): readonly CompiledChain[] {
    const left = mostExact(this.#chains, (chain) => chain.portRank(ends));
    return mostExact(left, (chain) => chain.rangeRank(ends));
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
