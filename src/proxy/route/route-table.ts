// hot path: no allocation per request
import { withoutPort } from "./authority.ts";
import type { CompiledRoute } from "./compiled-route.ts";
import type { RequestHead } from "./request-head.ts";
import type { RouteIndex } from "./search/route-index.ts";

export interface CompiledVirtualHost {
  readonly name: string;
  readonly routes: readonly CompiledRoute[];
  /** Undefined where the routes are so few that asking them in order is as fast. */
  readonly index: RouteIndex | undefined;
}

/** A domain with a wildcard at one end, by the length of what is fixed. */
export interface WildcardDomains {
  /** Longest first. */
  readonly lengths: readonly number[];
  readonly hosts: ReadonlyMap<string, CompiledVirtualHost>;
}

/** Virtual hosts by domain, routes in their order (Envoy: RouteMatcher::findVirtualHost). */
export class RouteTable {
  readonly name: string;
  readonly #ignorePort: boolean;
  readonly #exact: ReadonlyMap<string, CompiledVirtualHost>;
  readonly #suffixes: WildcardDomains;
  readonly #prefixes: WildcardDomains;
  readonly #any: CompiledVirtualHost | undefined;
  /** True where "*" is the only domain: hosts need not be looked at. */
  readonly #onlyAny: boolean;

  constructor(options: {
    readonly name: string;
    readonly ignorePort: boolean;
    readonly exact: ReadonlyMap<string, CompiledVirtualHost>;
    readonly suffixes: WildcardDomains;
    readonly prefixes: WildcardDomains;
    readonly any: CompiledVirtualHost | undefined;
  }) {
    this.name = options.name;
    this.#ignorePort = options.ignorePort;
    this.#exact = options.exact;
    this.#suffixes = options.suffixes;
    this.#prefixes = options.prefixes;
    this.#any = options.any;
    const { lengths } = options.suffixes;
    this.#onlyAny = options.exact.size + lengths.length + options.prefixes.lengths.length === 0;
  }

  /** The first route that matches; undefined where none does. */
  find(request: RequestHead): CompiledRoute | undefined {
    const host = this.#onlyAny ? this.#any : this.findVirtualHost(request.authority);
    if (host === undefined) return undefined;
    const { index, routes } = host;
    if (index !== undefined) return index.find(request);
    for (let i = 0; i < routes.length; i++) {
      const route = routes[i] as CompiledRoute;
      if (route.matcher.matches(request)) return route;
    }
    return undefined;
  }

  /** Exact, then the longest `*.suffix`, then the longest `prefix.*`, then `*`. */
  findVirtualHost(authority: string): CompiledVirtualHost | undefined {
    const host = (this.#ignorePort ? withoutPort(authority) : authority).toLowerCase();
    return (
      this.#exact.get(host) ??
      longest(this.#suffixes, host, true) ??
      longest(this.#prefixes, host, false) ??
      this.#any
    );
  }
}

/** The wildcard stands for at least one character. */
function longest(
  domains: WildcardDomains,
  host: string,
  suffix: boolean,
): CompiledVirtualHost | undefined {
  const { lengths, hosts } = domains;
  for (let i = 0; i < lengths.length; i++) {
    const length = lengths[i] as number;
    if (length >= host.length) continue;
    const part = suffix ? host.slice(host.length - length) : host.slice(0, length);
    const found = hosts.get(part);
    if (found !== undefined) return found;
  }
  return undefined;
}
