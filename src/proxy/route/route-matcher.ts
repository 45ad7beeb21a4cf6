import type { HeaderMatch, PathMatch, QueryParameterMatch, RouteMatch } from "../../model/route.ts";
import type { RequestHead } from "./request-head.ts";
import { compileRegex, compileStringMatch, type StringMatcher } from "./string-matcher.ts";

/** A route's conditions, compiled: data and a loop (Envoy: config_impl.cc). */
export class RouteMatcher {
  readonly #path: PathMatch;
  readonly #wanted: string;
  readonly #regex: StringMatcher | undefined;
  readonly #headers: readonly HeaderMatcher[];
  readonly #parameters: ParametersMatcher;

  constructor(match: RouteMatch) {
    this.#path = match.path;
    this.#wanted = match.path.caseSensitive ? match.path.value : match.path.value.toLowerCase();
    this.#regex = match.path.kind === "regex" ? compileRegex(match.path.value) : undefined;
    this.#headers = match.headers.map((header) => new HeaderMatcher(header));
    this.#parameters = new ParametersMatcher(match.queryParameters);
  }

  matches(request: RequestHead): boolean {
    if (!this.#pathMatches(request)) return false;
    for (let i = 0; i < this.#headers.length; i++) {
      if (!this.#headers[i]?.matches(request)) return false;
    }
    return this.#parameters.match(request);
  }

  #pathMatches(request: RequestHead): boolean {
    const { kind, caseSensitive } = this.#path;
    if (kind === "connect") return request.method === "CONNECT";
    // Without a path there is nothing to match (CONNECT).
    if (request.path === "") return false;
    // `OPTIONS *` asks about the server: it is for whoever serves all of its paths.
    if (kind === "prefix" && this.#wanted === "/") {
      return request.path.charCodeAt(0) === 0x2f || request.path === "*";
    }
    const path = kind === "prefix" ? request.path : request.pathname;
    return this.#textMatches(caseSensitive ? path : path.toLowerCase());
  }

  #textMatches(path: string): boolean {
    const wanted = this.#wanted;
    switch (this.#path.kind) {
      case "prefix":
        return path.startsWith(wanted);
      case "exact":
        return path === wanted;
      case "separatedPrefix":
        if (!path.startsWith(wanted)) return false;
        return path.length === wanted.length || path.charCodeAt(wanted.length) === 0x2f;
      default:
        return this.#regex?.matches(path) === true;
    }
  }
}

/** One header condition, also used for retriable headers. */
export class HeaderMatcher {
  readonly #match: HeaderMatch;
  readonly #value: StringMatcher | undefined;

  constructor(match: HeaderMatch) {
    this.#match = match;
    this.#value = match.value === undefined ? undefined : compileStringMatch(match.value);
  }

  matches(source: { header(name: string): string | undefined }): boolean {
    const { invert, missingAsEmpty, name } = this.#match;
    const value = source.header(name) ?? (missingAsEmpty ? "" : undefined);
    if (this.#value === undefined) return (value !== undefined) !== invert;
    // Envoy: a missing header never matches a value, inverted or not, unless it counts as empty.
    if (value === undefined) return false;
    return this.#value.matches(value) !== invert;
  }
}

/** Conditions on the query, all of which must hold. */
export class ParametersMatcher {
  readonly #matchers: readonly ParameterMatcher[];

  constructor(matches: readonly QueryParameterMatch[]) {
    this.#matchers = matches.map((match) => new ParameterMatcher(match));
  }

  match(request: RequestHead): boolean {
    if (this.#matchers.length === 0) return true;
    const parameters = parseQuery(request.query ?? "");
    return this.#matchers.every((matcher) => matcher.matches(parameters));
  }
}

class ParameterMatcher {
  readonly #name: string;
  readonly #value: StringMatcher | undefined;

  constructor(match: QueryParameterMatch) {
    this.#name = match.name;
    this.#value = match.value === undefined ? undefined : compileStringMatch(match.value);
  }

  matches(parameters: ReadonlyMap<string, string>): boolean {
    const value = parameters.get(this.#name);
    if (value === undefined) return false;
    return this.#value === undefined || this.#value.matches(value);
  }
}

/** Names and values as they stand, undecoded; the first of several counts (as in Envoy). */
function parseQuery(query: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const pair of query.split("&")) {
    const equals = pair.indexOf("=");
    const name = equals < 0 ? pair : pair.slice(0, equals);
    if (!parameters.has(name)) parameters.set(name, equals < 0 ? "" : pair.slice(equals + 1));
  }
  return parameters;
}
