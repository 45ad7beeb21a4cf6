import { RE2JS } from "re2js";

/**
 * Instructions of a compiled expression. A text is matched in a time that grows with its length
 * and with this: more would let one request, of 60 KiB at most, hold up all others.
 */
export const REGEX_PROGRAM_MAX = 2000;

/** To compile an expression takes a thousand times its length. */
const PATTERN_CHARS_MAX = 16 * 1024;

/** What is wrong with a regular expression, in RE2's words; undefined: nothing. */
export function regexProblem(pattern: string): string | undefined {
  if (pattern.length > PATTERN_CHARS_MAX) {
    return `is too long: ${pattern.length} characters, at most ${PATTERN_CHARS_MAX}`;
  }
  try {
    const size = RE2JS.compile(pattern).programSize();
    if (size <= REGEX_PROGRAM_MAX) return undefined;
    return `is too complex: ${size} instructions, at most ${REGEX_PROGRAM_MAX}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
