import type { StringMatch } from "../../../../model/route.ts";
import {
  BytesRegexText,
  ContainedText,
  ExactText,
  PrefixText,
  RegexText,
  SuffixText,
  type TextTest,
} from "./text-test.ts";

const PLAIN = {
  exact: ExactText,
  prefix: PrefixText,
  suffix: SuffixText,
  contains: ContainedText,
};

/** Of text that is text: names in certificates, server names. Throws where a regex is none. */
export function compileText({ ignoreCase, kind, value }: StringMatch): TextTest {
  if (kind === "regex") return new RegexText(value, ignoreCase);
  return new PLAIN[kind](value, ignoreCase);
}

/**
 * Of header values, which are bytes, one a character: what the configuration says in other than
 * ASCII is UTF-8 there. Throws where a regex is none.
 */
export function compileBytes(
  { ignoreCase, kind, value }: StringMatch,
  eager: boolean,
  folds: boolean = ignoreCase,
): TextTest {
  if (kind === "regex") return new BytesRegexText(value, folds, eager);
  return new PLAIN[kind](Buffer.from(value).toString("latin1"), folds);
}
