import type { HeaderTable } from "../../../../codec/http/header-table.ts";
import type { JwtProvider } from "../../../../model/filter/jwt-authn.ts";
import type { RequestHead } from "../../../route/request-head.ts";
import { cookieValues, parameterValues, withoutParameter } from "./request-values.ts";

const DEFAULT_HEADER = { name: "authorization", prefix: "Bearer " };
const DEFAULT_PARAM = "access_token";

/** What a token may be made of (RFC 4648 section 5), and its dots. */
const TOKEN_CHARACTER = /[A-Za-z0-9\-_.]/;

/** A token where it stands in a request. */
export interface FoundToken {
  readonly text: string;
  readonly place: TokenPlace;
}

/** Whose tokens may stand at a place. */
export interface TokenPlace {
  readonly kind: "header" | "param" | "cookie";
  readonly name: string;
  /** Of headers: what stands before the token. */
  readonly prefix: string;
  /** Exact issuers; the empty one stands for all. */
  readonly issuers: Set<string>;
}

/** Where the tokens of some providers are looked for (Envoy: Extractor). */
export class TokenPlaces {
  readonly #headers: readonly TokenPlace[];
  readonly #params: readonly TokenPlace[];
  readonly #cookies: readonly TokenPlace[];

  constructor(providers: readonly JwtProvider[]) {
    const places = new Map<string, TokenPlace>();
    for (const provider of providers) addPlaces(places, provider);
    // Envoy goes through them in this order.
    const sorted = [...places].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, place]) => place);
    this.#headers = sorted.filter(({ kind }) => kind === "header");
    this.#params = sorted.filter(({ kind }) => kind === "param");
    this.#cookies = sorted.filter(({ kind }) => kind === "cookie");
  }

  /** Every token, those of headers first: whatever looks like one has to be good. */
  find(request: RequestHead): FoundToken[] {
    const { headers, query } = request;
    const found: FoundToken[] = [];
    for (const place of this.#headers) {
      for (const text of headerTokens(headers, place)) found.push({ text, place });
    }
    if (query !== undefined) {
      for (const place of this.#params) {
        for (const text of parameterValues(query, place.name)) found.push({ text, place });
      }
    }
    for (const place of this.#cookies) {
      for (const text of cookieValues(headers, place.name)) found.push({ text, place });
    }
    return found;
  }
}

/** A place may hold the tokens of this issuer. */
export function isIssuerAllowed({ issuers }: TokenPlace, issuer: string): boolean {
  return issuers.has("") || issuers.has(issuer);
}

/** Takes a token out of the request; in cookies it stays, as with Envoy. */
export function removeToken({ kind, name }: TokenPlace, request: RequestHead): void {
  if (kind === "header") request.headers.removeName(name);
  else if (kind === "param") request.setPath(withoutParameter(request.path, name));
}

function addPlaces(places: Map<string, TokenPlace>, provider: JwtProvider): void {
  const { fromCookies, fromHeaders, fromParams, issuer } = provider;
  const isUsual = fromHeaders.length + fromParams.length + fromCookies.length === 0;
  const add = (kind: TokenPlace["kind"], name: string, prefix = ""): void => {
    const key = `${kind} ${name} ${prefix}`;
    const place = places.get(key) ?? { kind, name, prefix, issuers: new Set<string>() };
    place.issuers.add(issuer);
    places.set(key, place);
  };
  for (const { name, prefix } of isUsual ? [DEFAULT_HEADER] : fromHeaders) {
    add("header", name, prefix);
  }
  for (const name of isUsual ? [DEFAULT_PARAM] : fromParams) add("param", name);
  for (const name of fromCookies) add("cookie", name);
}

function headerTokens(headers: HeaderTable, { name, prefix }: TokenPlace): string[] {
  const tokens: string[] = [];
  for (let at = headers.findName(name); at >= 0; at = headers.findName(name, at + 1)) {
    const token = behindPrefix(headers.value(at), prefix);
    if (token !== undefined) tokens.push(token);
  }
  return tokens;
}

/** Undefined where the prefix is missing; anything may stand between it and the token. */
function behindPrefix(value: string, prefix: string): string | undefined {
  if (prefix === "") return value;
  const at = value.indexOf(prefix);
  if (at < 0) return undefined;
  const rest = value.slice(at + prefix.length);
  const start = rest.search(TOKEN_CHARACTER);
  return start < 0 ? value : rest.slice(start);
}
