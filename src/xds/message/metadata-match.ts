import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type MetadataMatcher,
  MetadataMatcherSchema,
} from "../../gen/envoy/type/matcher/v3/metadata_pb.js";
import type { ValueMatcher, ValueMatcherSchema } from "../../gen/envoy/type/matcher/v3/value_pb.js";
import type { MetadataMatch, ValueMatch } from "../../model/filter/rbac.ts";
import type { Place } from "../check/place.ts";
import { decodeStringMatch, encodeStringMatch } from "./string-match.ts";

/** In its place an error has been told. */
const NO_VALUE: ValueMatch = { kind: "null" };

/** type.matcher.v3.MetadataMatcher. */
export function decodeMetadataMatch(message: MetadataMatcher, place: Place): MetadataMatch {
  const path = message.path.map(({ segment }) => (segment.case === "key" ? segment.value : ""));
  const at = place.field("value");
  return {
    filter: message.filter,
    path,
    value: message.value === undefined ? missing(at) : decodeValueMatch(message.value, at),
    invert: message.invert,
  };
}

function missing(place: Place): ValueMatch {
  place.refuse("is missing");
  return NO_VALUE;
}

/** type.matcher.v3.ValueMatcher. */
function decodeValueMatch({ matchPattern }: ValueMatcher, place: Place): ValueMatch {
  switch (matchPattern.case) {
    case "nullMatch":
      return NO_VALUE;
    case "doubleMatch": {
      const { case: kind, value } = matchPattern.value.matchPattern;
      if (kind === "exact") return { kind: "number", value };
      if (kind === "range") return { kind: "range", start: value.start, end: value.end };
      return missing(place.field("double_match"));
    }
    case "stringMatch": {
      const match = decodeStringMatch(matchPattern.value, place.field("string_match"));
      return match === undefined ? missing(place) : { kind: "string", match };
    }
    case "boolMatch":
      return { kind: "bool", value: matchPattern.value };
    case "presentMatch":
      return { kind: "present", present: matchPattern.value };
    case "listMatch": {
      const { case: kind, value } = matchPattern.value.matchPattern;
      const at = place.field("list_match").field("one_of");
      return kind === "oneOf" ? { kind: "list", oneOf: decodeValueMatch(value, at) } : missing(at);
    }
    case "orMatch": {
      const at = place.field("or_match").field("value_matchers");
      const of = matchPattern.value.valueMatchers.map((one, i) =>
        decodeValueMatch(one, at.item(i)),
      );
      return { kind: "or", of };
    }
    default:
      return missing(place);
  }
}

export function encodeMetadataMatch(match: MetadataMatch): MetadataMatcher {
  return create(MetadataMatcherSchema, {
    filter: match.filter,
    path: match.path.map((key) => ({ segment: { case: "key" as const, value: key } })),
    value: encodeValueMatch(match.value),
    invert: match.invert,
  });
}

function encodeValueMatch(match: ValueMatch): MessageInitShape<typeof ValueMatcherSchema> {
  switch (match.kind) {
    case "null":
      return { matchPattern: { case: "nullMatch", value: {} } };
    case "number":
      return {
        matchPattern: {
          case: "doubleMatch",
          value: { matchPattern: { case: "exact", value: match.value } },
        },
      };
    case "range": {
      const { start, end } = match;
      return {
        matchPattern: {
          case: "doubleMatch",
          value: { matchPattern: { case: "range", value: { start, end } } },
        },
      };
    }
    case "string":
      return { matchPattern: { case: "stringMatch", value: encodeStringMatch(match.match) } };
    case "bool":
      return { matchPattern: { case: "boolMatch", value: match.value } };
    case "present":
      return { matchPattern: { case: "presentMatch", value: match.present } };
    case "list": {
      const value = {
        matchPattern: { case: "oneOf" as const, value: encodeValueMatch(match.oneOf) },
      };
      return { matchPattern: { case: "listMatch", value } };
    }
    case "or":
      return {
        matchPattern: { case: "orMatch", value: { valueMatchers: match.of.map(encodeValueMatch) } },
      };
  }
}
