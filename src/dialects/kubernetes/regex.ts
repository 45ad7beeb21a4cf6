import { RE2JS } from "re2js";

/** What is wrong with a regular expression, in RE2's words; undefined: nothing. */
export function regexProblem(pattern: string): string | undefined {
  try {
    RE2JS.compile(pattern);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** For `allowed`: proxies refuse the rest, because it can take exponential time. */
export const REGEX_WORDS = "an RE2 expression: no lookaround, no back references";
