import { create } from "@bufbuild/protobuf";
import {
  type RegexMatchAndSubstitute,
  RegexMatchAndSubstituteSchema,
} from "../../gen/envoy/type/matcher/v3/regex_pb.js";
import type { RegexRewrite } from "../../model/route.ts";
import type { Place } from "../check/place.ts";
import { decodeRegex, encodeRegex } from "../message/string-match.ts";

export function decodeRegexRewrite(
  message: RegexMatchAndSubstitute | undefined,
  place: Place,
): RegexRewrite | undefined {
  if (message === undefined) return undefined;
  const pattern = decodeRegex(message.pattern, place.field("pattern"));
  return { pattern, substitution: message.substitution };
}

export function encodeRegexRewrite(rewrite: RegexRewrite): RegexMatchAndSubstitute {
  return create(RegexMatchAndSubstituteSchema, {
    pattern: encodeRegex(rewrite.pattern),
    substitution: rewrite.substitution,
  });
}
