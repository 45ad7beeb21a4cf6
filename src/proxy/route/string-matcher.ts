import { RE2JS } from "re2js";
import type { StringMatch } from "../../model/route.ts";

/** A text test, compiled. */
export interface StringMatcher {
  matches(text: string): boolean;
}

/** Throws where a regex is not RE2. */
export function compileStringMatch(match: StringMatch): StringMatcher {
  if (match.kind === "regex") return compileRegex(match.value, match.ignoreCase);
  const wanted = match.ignoreCase ? asciiLower(match.value) : match.value;
  const test = TESTS[match.kind];
  if (!match.ignoreCase) return { matches: (text) => test(text, wanted) };
  return { matches: (text) => test(asciiLower(text), wanted) };
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

/** ASCII letters alone are folded, as in Envoy: other bytes stay what they are. */
export function asciiLower(text: string): string {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return foldBytes(text);
  return text.toLowerCase();
}

function foldBytes(text: string): string {
  let folded = "";
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    folded += code <= 0x7f ? text.charAt(i).toLowerCase() : text.charAt(i);
  }
  return folded;
}
