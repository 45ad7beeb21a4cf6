import { RE2JS } from "re2js";
import type { HostRewriteSource, PathMatch, RegexRewrite } from "../../model/route.ts";
import type { RequestHead } from "./request-head.ts";

/** How a route changes the path, compiled. */
export class PathRewrite {
  readonly #prefix: string | undefined;
  readonly #match: PathMatch;
  readonly #regex: RE2JS | undefined;
  readonly #substitution: string;

  constructor(
    match: PathMatch,
    prefixRewrite: string | undefined,
    regexRewrite: RegexRewrite | undefined,
  ) {
    refuseNoTarget(prefixRewrite ?? regexRewrite?.substitution ?? "");
    this.#match = match;
    this.#prefix = prefixRewrite;
    this.#regex = regexRewrite === undefined ? undefined : RE2JS.compile(regexRewrite.pattern);
    this.#substitution = javaSubstitution(regexRewrite?.substitution ?? "");
  }

  get active(): boolean {
    return this.#prefix !== undefined || this.#regex !== undefined;
  }

  /** The new path and query. A prefix rewrite replaces what the route matched. */
  apply(path: string): string {
    const at = path.indexOf("?");
    const pathname = at < 0 ? path : path.slice(0, at);
    const query = at < 0 ? "" : path.slice(at);
    if (this.#prefix !== undefined) {
      const { kind, value } = this.#match;
      const matched = kind === "exact" || kind === "regex" ? pathname.length : value.length;
      return this.#prefix + pathname.slice(matched) + query;
    }
    if (this.#regex === undefined) return path;
    return this.#regex.matcher(pathname).replaceAll(this.#substitution) + query;
  }
}

/** How a request says itself what its Host shall be, compiled. */
export class HostRewrite {
  readonly #header: string;
  readonly #regex: RE2JS | undefined;
  readonly #substitution: string;

  constructor(source: HostRewriteSource) {
    this.#header = source.kind === "header" ? source.name : "";
    const regex = source.kind === "path" ? source.regex : undefined;
    this.#regex = regex === undefined ? undefined : RE2JS.compile(regex.pattern);
    this.#substitution = javaSubstitution(regex?.substitution ?? "");
  }

  /** The new Host; empty leaves it as it is, as does what is none. */
  apply(request: RequestHead): string {
    const host =
      this.#regex === undefined
        ? (request.header(this.#header) ?? "")
        : this.#regex.matcher(request.pathname).replaceAll(this.#substitution);
    return isAuthority(host) ? host : "";
  }
}

/** Whether it may stand in Host without ending its line. */
export function isAuthority(host: string): boolean {
  return AUTHORITY.test(host);
}

/** (RFC 3986 section 3.2, without user info). */
const AUTHORITY = /^[A-Za-z0-9\-._~!$&'()*+,;=:%[\]]+$/;

/** A blank would end the request target: what stands behind it would be read as something else. */
function refuseNoTarget(path: string): void {
  if (!/[^\x21-\x7e]|#/.test(path)) return;
  throw new Error(`${JSON.stringify(path)} cannot be part of a request target`);
}

/** RE2's `\1` and `\\` in the form that re2js wants: `$1`, an escaped `$` and backslash. */
export function javaSubstitution(text: string): string {
  return text.replaceAll(/\\(\d|\\)|\$/g, (found, group: string | undefined) => {
    if (found === "$") return "\\$";
    return group === "\\" ? "\\\\" : `$${group}`;
  });
}
