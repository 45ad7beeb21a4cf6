import type { ProxyConfig } from "../../src/model/bootstrap.ts";
import type { FilterChain, Listener } from "../../src/model/listener.ts";
import type {
  Route,
  RouteConfiguration,
  RouteMatch,
  StringMatch,
  VirtualHost,
} from "../../src/model/route.ts";

/** A request as an app would send it into its sidecar. */
export interface Question {
  /** The address that it connected to; undefined for one that no service has. */
  readonly address?: string;
  readonly port: number;
  /** As in the Host header. */
  readonly host: string;
  readonly method?: string;
  /** With its query. */
  readonly path?: string;
  /** Lower case names. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly listener: string;
  readonly virtualHost: string;
  readonly route: Route | undefined;
  /** `reviews|v1 90, reviews|v2 10` in short: cluster names with their weights. */
  readonly clusters: readonly string[];
}

/**
 * What a sidecar would do with an HTTP request, read off its configuration: a small simulation
 * that knows listeners, virtual hosts and matches, and nothing of balancing. For tables of
 * routing semantics.
 */
export function ask(config: ProxyConfig, question: Question): Answer {
  const listener = listenerFor(config, question);
  const routes = routesOf(config, listener);
  const host = virtualHostFor(routes, question.host);
  const route = host?.routes.find(({ match }) => matches(match, question));
  return {
    listener: listener.name,
    virtualHost: host?.name ?? "",
    route,
    clusters: clustersOf(route),
  };
}

function clustersOf(route: Route | undefined): readonly string[] {
  if (route?.action.kind !== "forward") return [];
  const { clusters } = route.action;
  if (clusters.length === 1) return clusters.map(({ cluster }) => cluster);
  return clusters.map(({ cluster, weight }) => `${cluster} ${weight}`);
}

function listenerFor(config: ProxyConfig, { address, port }: Question): Listener {
  const named = (name: string) => config.listeners.find((listener) => listener.name === name);
  const found =
    named("http_proxy") ??
    named(`${address ?? "none"}_${port}`) ??
    named(`0.0.0.0_${port}`) ??
    named("virtualOutbound");
  if (found === undefined) throw new Error(`no outbound listener for port ${port}`);
  return found;
}

function routesOf(config: ProxyConfig, listener: Listener): RouteConfiguration {
  const chain = listener.filterChains.find(({ filter }) => filter.kind === "http");
  const name = routeName(chain);
  const routes = config.routes.find((each) => each.name === name);
  if (routes === undefined) throw new Error(`listener ${listener.name} serves no HTTP routes`);
  return routes;
}

function routeName(chain: FilterChain | undefined): string {
  if (chain?.filter.kind !== "http" || chain.filter.routes.kind !== "rds") return "";
  return chain.filter.routes.name;
}

/** Envoy: the exact domain, else the longest `*suffix`, else the longest `prefix*`, else `*`. */
function virtualHostFor(routes: RouteConfiguration, host: string): VirtualHost | undefined {
  const name = routes.ignorePortInHostMatching ? host.replace(/:\d+$/, "") : host;
  const ranked = routes.virtualHosts.flatMap((virtualHost) =>
    virtualHost.domains.map((domain) => ({ virtualHost, rank: domainRank(domain, name) })),
  );
  const best = ranked.reduce((a, b) => (b.rank > a.rank ? b : a), {
    virtualHost: undefined,
    rank: 0,
  } as {
    virtualHost: VirtualHost | undefined;
    rank: number;
  });
  return best.virtualHost;
}

function domainRank(domain: string, host: string): number {
  if (domain === host) return 1e9;
  if (domain === "*") return 1;
  if (domain.startsWith("*") && host.endsWith(domain.slice(1))) return 1e6 + domain.length;
  return domain.endsWith("*") && host.startsWith(domain.slice(0, -1)) ? 1e3 + domain.length : 0;
}

function matches(match: RouteMatch, question: Question): boolean {
  const [path = "/", query = ""] = (question.path ?? "/").split("?");
  const headers: Record<string, string> = {
    ":method": question.method ?? "GET",
    ":authority": question.host,
    ":scheme": "http",
    ":path": question.path ?? "/",
    ...question.headers,
  };
  const parameters = new URLSearchParams(query);
  return (
    pathMatches(match.path, path) &&
    match.headers.every((header) => {
      const value = headers[header.name] ?? (header.missingAsEmpty ? "" : undefined);
      const holds =
        value !== undefined && (header.value === undefined || textMatches(header.value, value));
      return holds !== header.invert;
    }) &&
    match.queryParameters.every(({ name, value }) => {
      const found = parameters.get(name);
      return found !== null && (value === undefined || textMatches(value, found));
    })
  );
}

function pathMatches(match: RouteMatch["path"], path: string): boolean {
  const fold = (text: string) => (match.caseSensitive ? text : text.toLowerCase());
  const [value, given] = [fold(match.value), fold(path)];
  switch (match.kind) {
    case "prefix":
      return given.startsWith(value);
    case "exact":
      return given === value;
    case "separatedPrefix":
      return given === value || given.startsWith(`${value}/`);
    case "regex":
      return new RegExp(`^(?:${match.value})$`).test(path);
    case "connect":
      return false;
  }
}

function textMatches(match: StringMatch, text: string): boolean {
  const fold = (each: string) => (match.ignoreCase ? each.toLowerCase() : each);
  const [value, given] = [fold(match.value), fold(text)];
  switch (match.kind) {
    case "exact":
      return given === value;
    case "prefix":
      return given.startsWith(value);
    case "suffix":
      return given.endsWith(value);
    case "contains":
      return given.includes(value);
    case "regex":
      return new RegExp(`^(?:${match.value})$`).test(text);
  }
}
