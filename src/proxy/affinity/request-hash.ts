// hot path: no allocation per request
import { RE2JS } from "re2js";
import type { CookieHash, HashPolicy, HeaderHash } from "../../model/balance/hash-policy.ts";
import { Hash64 } from "../balance/hash/hash64.ts";
import type { RequestHead } from "../route/request-head.ts";
import { javaSubstitution } from "../route/rewrite.ts";
import { type CookieForm, cookieOf, setCookie } from "./cookie.ts";
import { hashText, ipOf } from "./text-hash.ts";

/** Whose request it is. */
export interface HashSource {
  /** With port; as `x-forwarded-for` says, where it is trusted. */
  downstreamRemoteAddress(): string;
  downstreamLocalAddress(): string;
}

/** What one policy finds in a request. */
interface Part {
  readonly terminal: boolean;
  /** Hashes it into `out`, which holds 0; false: there is nothing. New cookies go to `cookies`. */
  hash(request: RequestHead, source: HashSource, out: Hash64, cookies: string[]): boolean;
}

/** A route's hash policies, compiled (Envoy: Http::HashPolicyImpl). */
export class RequestHash {
  readonly #parts: readonly Part[];
  readonly #one = new Hash64();

  /** Throws where a regular expression is invalid. */
  constructor(policies: readonly HashPolicy[]) {
    this.#parts = policies.map(partOf);
  }

  /** False where the request has nothing to go by. New cookies' values are added to `cookies`. */
  of(request: RequestHead, source: HashSource, out: Hash64, cookies: string[]): boolean {
    const one = this.#one;
    let found = false;
    out.set(0, 0);
    for (let i = 0; i < this.#parts.length; i++) {
      const part = this.#parts[i] as Part;
      one.set(0, 0);
      if (part.hash(request, source, one, cookies)) {
        // Turned, so that the same policy twice does not cancel itself.
        if (found) out.rotateLeft(1);
        out.xor(one.hi, one.lo);
        found = true;
      }
      if (part.terminal && found) break;
    }
    return found;
  }
}

function partOf(policy: HashPolicy): Part {
  switch (policy.kind) {
    case "header":
      return new HeaderPart(policy);
    case "cookie":
      return new CookiePart(policy);
    case "sourceIp":
      return new SourceIpPart(policy.terminal);
    case "queryParameter":
      return new QueryParameterPart(policy.name, policy.terminal);
  }
}

/** All values of a header, sorted, so that their order does not matter. */
class HeaderPart implements Part {
  readonly terminal: boolean;
  readonly #name: string;
  readonly #regex: RE2JS | undefined;
  readonly #substitution: string;
  readonly #values: string[] = [];

  constructor({ name, rewrite, terminal }: HeaderHash) {
    this.terminal = terminal;
    this.#name = name === "host" ? ":authority" : name;
    this.#regex = rewrite === undefined ? undefined : RE2JS.compile(rewrite.pattern);
    this.#substitution = javaSubstitution(rewrite?.substitution ?? "");
  }

  hash(request: RequestHead, _source: HashSource, out: Hash64): boolean {
    const values = this.#values;
    values.length = 0;
    this.#collect(request);
    if (values.length === 0) return false;
    if (values.length > 1) values.sort();
    for (let i = 0; i < values.length; i++) hashText(values[i] as string, out);
    return true;
  }

  #collect(request: RequestHead): void {
    const name = this.#name;
    if (name.charCodeAt(0) === 0x3a) {
      const value = request.header(name);
      if (value !== undefined) this.#values.push(this.#rewritten(value));
      return;
    }
    const { headers } = request;
    for (let i = headers.findName(name); i >= 0; i = headers.findName(name, i + 1)) {
      this.#values.push(this.#rewritten(headers.value(i)));
    }
  }

  #rewritten(value: string): string {
    if (this.#regex === undefined) return value;
    return this.#regex.matcher(value).replaceAll(this.#substitution);
  }
}

/** A cookie, made where it is missing and may be. */
class CookiePart implements Part {
  readonly terminal: boolean;
  readonly #form: CookieForm;
  readonly #isMade: boolean;

  constructor({ name, ttlMs, path, attributes, terminal }: CookieHash) {
    this.terminal = terminal;
    this.#isMade = ttlMs !== undefined;
    this.#form = { name, maxAgeS: Math.floor((ttlMs ?? 0) / 1000), path, attributes };
  }

  hash(request: RequestHead, source: HashSource, out: Hash64, cookies: string[]): boolean {
    let value = cookieOf(request.headers, this.#form.name);
    if (value === "") {
      if (!this.#isMade) return false;
      value = this.#make(source, out);
      cookies.push(setCookie(this.#form, value));
    }
    hashText(value, out);
    return true;
  }

  /** The same for all requests of a connection, so that those in flight agree. */
  #make(source: HashSource, out: Hash64): string {
    hashText(source.downstreamRemoteAddress() + source.downstreamLocalAddress(), out);
    const value = out.toString();
    out.set(0, 0);
    return value;
  }
}

class SourceIpPart implements Part {
  readonly terminal: boolean;

  constructor(terminal: boolean) {
    this.terminal = terminal;
  }

  hash(_request: RequestHead, source: HashSource, out: Hash64): boolean {
    const ip = ipOf(source.downstreamRemoteAddress());
    if (ip === "") return false;
    hashText(ip, out);
    return true;
  }
}

/** The first of that name, as it stands in the path. */
class QueryParameterPart implements Part {
  readonly terminal: boolean;
  readonly #name: string;

  constructor(name: string, terminal: boolean) {
    this.terminal = terminal;
    this.#name = name;
  }

  hash(request: RequestHead, _source: HashSource, out: Hash64): boolean {
    const { query } = request;
    if (query === undefined) return false;
    const name = this.#name;
    for (let start = 0; start <= query.length; ) {
      const ampersand = query.indexOf("&", start);
      const end = ampersand < 0 ? query.length : ampersand;
      const after = start + name.length;
      if (after <= end && query.startsWith(name, start)) {
        if (after === end || query.charCodeAt(after) === 0x3d) {
          hashText(query.slice(Math.min(after + 1, end), end), out);
          return true;
        }
      }
      start = end + 1;
    }
    return false;
  }
}
