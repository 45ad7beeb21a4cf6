import { RE2JS } from "re2js";
import type { StringMatch } from "../../model/route.ts";

/** A text test, compiled. */
export interface StringMatcher {
  matches(text: string): boolean;
}

/** Throws where a regex is not RE2. */
export function compileStringMatch(match: StringMatch): StringMatcher {
  if (match.kind === "regex") return compileRegex(match.value, match.ignoreCase);
  const wanted = match.ignoreCase ? match.value.toLowerCase() : match.value;
  const test = TESTS[match.kind];
  if (!match.ignoreCase) return { matches: (text) => test(text, wanted) };
  return { matches: (text) => test(text.toLowerCase(), wanted) };
}

/** A regex in RE2 syntax that must match the whole text, in linear time. */
export function compileRegex(pattern: string, ignoreCase = false): StringMatcher {
  const regex = RE2JS.compile(pattern, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0);
  return { matches: (text) => regex.testExact(text) };
}

const TESTS = {
  exact: (text: string, wanted: string): boolean => text === wanted,
  prefix: (text: string, wanted: string): boolean => text.startsWith(wanted),
  suffix: (text: string, wanted: string): boolean => text.endsWith(wanted),
  contains: (text: string, wanted: string): boolean => text.includes(wanted),
};
