import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { regexProblem } from "../../base/regex.ts";
import { type RegexMatcher, RegexMatcherSchema } from "../../gen/envoy/type/matcher/v3/regex_pb.js";
import {
  type StringMatcher,
  StringMatcherSchema,
} from "../../gen/envoy/type/matcher/v3/string_pb.js";
import type { StringMatch } from "../../model/route.ts";
import type { Place } from "../check/place.ts";

/** type.matcher.v3.StringMatcher; undefined where it holds nothing (the check has said so). */
export function decodeStringMatch(message: StringMatcher, place: Place): StringMatch | undefined {
  const { matchPattern: pattern, ignoreCase } = message;
  switch (pattern.case) {
    case "exact":
    case "prefix":
    case "suffix":
    case "contains":
      return { kind: pattern.case, value: pattern.value, ignoreCase };
    case "safeRegex": {
      const value = decodeRegex(pattern.value, place.field("safe_regex"));
      if (ignoreCase) place.field("ignore_case").refuse("has no effect on safe_regex");
      return { kind: "regex", value, ignoreCase: false };
    }
    default:
      return undefined;
  }
}

/** The pattern, once it is known to compile. */
export function decodeRegex(message: RegexMatcher | undefined, place: Place): string {
  const regex = message?.regex ?? "";
  const problem = regexProblem(regex);
  if (problem !== undefined) {
    place.field("regex").refuse(`is no regular expression: ${problem}`, regex, "RE2 syntax");
  }
  return regex;
}

export function encodeStringMatch(match: StringMatch): StringMatcher {
  const { kind, value, ignoreCase } = match;
  const matchPattern =
    kind === "regex"
      ? { case: "safeRegex" as const, value: encodeRegex(value) }
      : { case: kind, value };
  return create(StringMatcherSchema, {
    matchPattern,
    ignoreCase: kind !== "regex" && ignoreCase,
  } as MessageInitShape<typeof StringMatcherSchema>);
}

export function encodeRegex(regex: string): RegexMatcher {
  return create(RegexMatcherSchema, { regex });
}
