import type { SubjectAltNames } from "../../../identity/subject-alt-names.ts";
import type { SanMatcher } from "../../../model/transport/tls.ts";
import { compileStringMatch, type StringMatcher } from "../../route/string-matcher.ts";

/** Whether one of a certificate's names is one of those that are asked for. */
export class NameMatchers {
  readonly #matchers: readonly (readonly [keyof SubjectAltNames, StringMatcher])[];

  /** Throws where a regex is not RE2. */
  constructor(matchers: readonly SanMatcher[]) {
    this.#matchers = matchers.map((matcher) => [matcher.san, compile(matcher)]);
  }

  /** Without any matcher nothing is asked for. */
  get empty(): boolean {
    return this.#matchers.length === 0;
  }

  matches(names: SubjectAltNames): boolean {
    return this.#matchers.some(([kind, matcher]) =>
      names[kind].some((name) => matcher.matches(name)),
    );
  }
}

/** An exact DNS name also matches a certificate's wildcard, as in Envoy. */
function compile({ match, san }: SanMatcher): StringMatcher {
  if (san !== "dns" || match.kind !== "exact") return compileStringMatch(match);
  const wanted = match.value.toLowerCase();
  return { matches: (name) => isDnsName(name.toLowerCase(), wanted) };
}

/** A wildcard stands for the whole first label, and for no more (RFC 6125 section 6.4.3). */
function isDnsName(pattern: string, wanted: string): boolean {
  if (pattern === wanted) return true;
  if (!pattern.startsWith("*.") || pattern.indexOf(".", 2) < 0) return false;
  const dot = wanted.indexOf(".");
  return dot > 0 && wanted.slice(dot) === pattern.slice(1);
}
