/**
 * Path normalisation as Envoy does it (`path_with_escaped_slashes_action`, `normalize_path`,
 * `merge_slashes`, in that order; RFC 3986 section 6): the result is what is matched, logged and
 * forwarded alike. The query is left as it is.
 */
import type { EscapedSlashes } from "../../model/listener.ts";

/** What a connection manager is told about paths. */
export interface PathRules {
  readonly normalizePath: boolean;
  readonly mergeSlashes: boolean;
  readonly escapedSlashes: EscapedSlashes;
}

/** Paths without any of these are in normal form already. */
const NEEDS_WORK = /["%<>\\^`{|}]|\/[./]/;
const ESCAPED_SLASH = /%(?:2f|5c)/gi;
const TWO_SLASHES = "//";
const SLASH = 0x2f;

/** What comes of a path: what it is now, and whether the client is to ask anew for that. */
export interface NormalPath {
  readonly path: string;
  readonly redirect: boolean;
}

/** Whether no rule could change the path; also where there is none (CONNECT, `OPTIONS *`). */
export function isNormal(path: string): boolean {
  return path.charCodeAt(0) !== SLASH || !NEEDS_WORK.test(path);
}

/** The path in normal form; undefined where it is refused. Envoy: maybeNormalizePath. */
export function normalizePath(path: string, rules: PathRules): NormalPath | undefined {
  if (isNormal(path)) return { path, redirect: false };
  const query = path.indexOf("?");
  const rest = query < 0 ? "" : path.slice(query);
  let pathname = query < 0 ? path : path.slice(0, query);
  let redirect = false;
  if (rules.escapedSlashes !== "keep") {
    const unescaped = pathname.replace(ESCAPED_SLASH, slashOf);
    const found = unescaped !== pathname;
    if (found && rules.escapedSlashes === "reject") return undefined;
    redirect = found && rules.escapedSlashes === "redirect";
    pathname = unescaped;
  }
  if (rules.normalizePath) {
    const canonical = new CanonicalPath(pathname).text();
    if (canonical === undefined) return undefined;
    pathname = canonical;
  }
  if (rules.mergeSlashes && pathname.includes(TWO_SLASHES)) pathname = merged(pathname);
  return { path: pathname + rest, redirect };
}

function slashOf(escaped: string): string {
  return escaped.endsWith("c") || escaped.endsWith("C") ? "\\" : "/";
}

/** Empty segments go, all but those that the first and the last slash make. Envoy: mergeSlashes. */
function merged(pathname: string): string {
  const inner = pathname.split("/").filter((segment) => segment !== "");
  return `/${inner.join("/")}${pathname.endsWith("/") ? "/" : ""}`;
}

const UNRESERVED = /[A-Za-z0-9\-._~]/;
/** What stands in a request target unescaped and should not (RFC 3986 section 3.3). */
const ESCAPED = new Set('"<>^`{|}');
const PERCENT_HEX = /^%[0-9A-Fa-f]{2}/;
/**
 * Servers that know parameters of segments take `..;x` for `..`. Envoy does so where dots and slash
 * stand unescaped; what it makes of `/%2e%2e;/admin` is `/..;/admin`, which such servers climb.
 */
const DOTS_WITH_PARAMETERS = /(?<=[/\\])((?:\.|%2e){1,2});[^/]*/gi;
const DOT = /^(?:\.|%2e)/i;

/**
 * A path as browsers canonicalise it, which is what Envoy does: `%41` is `A`, other escapes stay as
 * they are, what has to be escaped is, `\` is `/`, and `.` and `..` go, however they are written
 * (RFC 3986 sections 5.2.4 and 6.2.2). What climbs above the root stays at the root.
 */
class CanonicalPath {
  readonly #from: string;
  #to = "";
  /** The result ends with a slash. Looking at it would copy all of it, at each dot. */
  #atSegment = false;
  /** Where the last `%` stands in the result that begins no escape; far away where none does. */
  #barePercent = Number.NEGATIVE_INFINITY;

  constructor(path: string) {
    this.#from = path.includes(";") ? path.replaceAll(DOTS_WITH_PARAMETERS, "$1") : path;
  }

  /** Undefined where the path holds an escaped NUL. */
  text(): string | undefined {
    let at = 0;
    while (at < this.#from.length) {
      const next = this.#step(at);
      if (next === undefined) return undefined;
      at = next;
    }
    return this.#to;
  }

  #step(at: number): number | undefined {
    const dot = this.#dotAt(at);
    if (dot > 0) return this.#takeDot(at + dot);
    const character = this.#from.charAt(at);
    const slash = character === "/" || character === "\\";
    this.#atSegment = slash;
    if (character === "%") return this.#takeEscape(at);
    if (slash) this.#to += "/";
    else if (ESCAPED.has(character)) this.#to += escapeOf(character);
    else this.#to += character;
    return at + 1;
  }

  /** How long the dot is that stands there, `.` or `%2e`; 0 where none does. */
  #dotAt(at: number): number {
    const code = this.#from.charCodeAt(at);
    if (code !== 0x2e && code !== 0x25) return 0;
    return DOT.exec(this.#from.slice(at, at + 3))?.[0].length ?? 0;
  }

  /** Behind a slash it may be a segment `.` or `..`. */
  #takeDot(behind: number): number {
    if (this.#atSegment) {
      if (this.#endsSegment(behind)) return behind + 1;
      const second = this.#dotAt(behind);
      if (second > 0 && this.#endsSegment(behind + second)) {
        const parent = this.#to.lastIndexOf("/", this.#to.length - 2);
        this.#to = this.#to.slice(0, Math.max(parent, 0) + 1);
        if (this.#barePercent >= this.#to.length) this.#barePercent = Number.NEGATIVE_INFINITY;
        return behind + second + 1;
      }
    }
    this.#to += ".";
    this.#atSegment = false;
    return behind;
  }

  #endsSegment(at: number): boolean {
    const character = this.#from.charAt(at);
    return character === "" || character === "/" || character === "\\";
  }

  #takeEscape(at: number): number | undefined {
    const found = PERCENT_HEX.exec(this.#from.slice(at, at + 3))?.[0];
    if (found === undefined) {
      this.#barePercent = this.#to.length;
      this.#to += "%";
      return at + 1;
    }
    if (found === "%00") return undefined;
    const character = String.fromCharCode(Number.parseInt(found.slice(1), 16));
    if (UNRESERVED.test(character)) {
      this.#to += character;
      this.#escapeBarePercent(at + 3);
    } else {
      this.#to += found;
    }
    return at + 3;
  }

  /** `%%32e` must not become the escape `%2e`: the bare `%` is then escaped itself. */
  #escapeBarePercent(next: number): void {
    const bare = this.#barePercent;
    if (bare + 3 < this.#to.length) return;
    const follows = bare === this.#to.length - 2 ? this.#from.charAt(next) : "";
    const risky = PERCENT_HEX.test(this.#to.slice(bare) + follows);
    if (risky) this.#to = `${this.#to.slice(0, bare)}%25${this.#to.slice(bare + 1)}`;
  }
}

function escapeOf(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
