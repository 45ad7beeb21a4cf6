import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type HeaderMatcher,
  HeaderMatcherSchema,
  type QueryParameterMatcher,
  QueryParameterMatcherSchema,
  RouteMatch_ConnectMatcherSchema,
  type RouteMatch as RouteMatchMessage,
  RouteMatchSchema,
} from "../../gen/envoy/config/route/v3/route_components_pb.js";
import type {
  HeaderMatch,
  PathMatch,
  QueryParameterMatch,
  RouteMatch,
  StringMatch,
} from "../../model/route.ts";
import type { Place } from "../check/place.ts";
import {
  decodeRegex,
  decodeStringMatch,
  encodeRegex,
  encodeStringMatch,
} from "../message/string-match.ts";

const EVERYTHING: RouteMatch = {
  path: { kind: "prefix", value: "/", caseSensitive: true },
  headers: [],
  queryParameters: [],
};

export function decodeRouteMatch(message: RouteMatchMessage | undefined, place: Place): RouteMatch {
  if (message === undefined) return EVERYTHING;
  const headers = place.field("headers");
  const queries = place.field("query_parameters");
  return {
    path: decodePath(message, place),
    headers: message.headers.map((match, i) => decodeHeaderMatch(match, headers.item(i))),
    queryParameters: message.queryParameters.map((match, i) => decodeQuery(match, queries.item(i))),
  };
}

function decodePath(message: RouteMatchMessage, place: Place): PathMatch {
  const caseSensitive = message.caseSensitive ?? true;
  const { pathSpecifier: path } = message;
  switch (path.case) {
    case "prefix":
      return { kind: "prefix", value: path.value, caseSensitive };
    case "path":
      return { kind: "exact", value: path.value, caseSensitive };
    case "safeRegex":
      if (!caseSensitive) {
        place.field("case_sensitive").refuse("has no effect on safe_regex", false, "(?i) in it");
      }
      return {
        kind: "regex",
        value: decodeRegex(path.value, place.field("safe_regex")),
        caseSensitive: true,
      };
    case "pathSeparatedPrefix":
      return { kind: "separatedPrefix", value: path.value, caseSensitive };
    case "connectMatcher":
      return { kind: "connect", value: "", caseSensitive: true };
    default:
      return EVERYTHING.path;
  }
}

export function decodeHeaderMatch(message: HeaderMatcher, place: Place): HeaderMatch {
  const { headerMatchSpecifier: specifier } = message;
  // `present_match: false` is a match on absence.
  const absent = specifier.case === "presentMatch" && !specifier.value;
  return {
    name: message.name.toLowerCase(),
    value: decodeHeaderValue(specifier, place),
    invert: message.invertMatch !== absent,
    missingAsEmpty: message.treatMissingHeaderAsEmpty,
  };
}

function decodeHeaderValue(
  specifier: HeaderMatcher["headerMatchSpecifier"],
  place: Place,
): StringMatch | undefined {
  switch (specifier.case) {
    case "stringMatch":
      return decodeStringMatch(specifier.value, place.field("string_match"));
    case "exactMatch":
      // Envoy's deprecated matchers: an empty exact_match asks for presence alone.
      return specifier.value === "" ? undefined : plain("exact", specifier.value);
    case "prefixMatch":
      return plain("prefix", specifier.value);
    case "suffixMatch":
      return plain("suffix", specifier.value);
    case "containsMatch":
      return plain("contains", specifier.value);
    case "safeRegexMatch":
      return plain("regex", decodeRegex(specifier.value, place.field("safe_regex_match")));
    default:
      return undefined;
  }
}

function plain(kind: StringMatch["kind"], value: string): StringMatch {
  return { kind, value, ignoreCase: false };
}

export function decodeQuery(message: QueryParameterMatcher, place: Place): QueryParameterMatch {
  const { queryParameterMatchSpecifier: specifier, name } = message;
  if (specifier.case === "stringMatch") {
    return { name, value: decodeStringMatch(specifier.value, place.field("string_match")) };
  }
  if (specifier.case === "presentMatch" && !specifier.value) {
    place.field("present_match").refuse("asks for absence, which is not executed", false, "true");
  }
  return { name, value: undefined };
}

export function encodeRouteMatch(match: RouteMatch): RouteMatchMessage {
  const { path } = match;
  return create(RouteMatchSchema, {
    pathSpecifier: encodePath(path),
    // Only what is not the default is written.
    ...(path.caseSensitive ? {} : { caseSensitive: false }),
    headers: match.headers.map(encodeHeaderMatch),
    queryParameters: match.queryParameters.map(encodeQuery),
  });
}

function encodePath(path: PathMatch): RouteMatchMessage["pathSpecifier"] {
  switch (path.kind) {
    case "prefix":
      return { case: "prefix", value: path.value };
    case "exact":
      return { case: "path", value: path.value };
    case "regex":
      return { case: "safeRegex", value: encodeRegex(path.value) };
    case "separatedPrefix":
      return { case: "pathSeparatedPrefix", value: path.value };
    case "connect":
      return { case: "connectMatcher", value: create(RouteMatch_ConnectMatcherSchema) };
  }
}

export function encodeHeaderMatch(match: HeaderMatch): HeaderMatcher {
  const { value } = match;
  return create(HeaderMatcherSchema, {
    name: match.name,
    headerMatchSpecifier:
      value === undefined
        ? { case: "presentMatch", value: true }
        : { case: "stringMatch", value: encodeStringMatch(value) },
    invertMatch: match.invert,
    treatMissingHeaderAsEmpty: match.missingAsEmpty,
  } as MessageInitShape<typeof HeaderMatcherSchema>);
}

export function encodeQuery(match: QueryParameterMatch): QueryParameterMatcher {
  const { name, value } = match;
  return create(QueryParameterMatcherSchema, {
    name,
    queryParameterMatchSpecifier:
      value === undefined
        ? { case: "presentMatch", value: true }
        : { case: "stringMatch", value: encodeStringMatch(value) },
  });
}
