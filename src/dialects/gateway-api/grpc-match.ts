import { regexProblem } from "../../base/regex.ts";
import type { ScopedMatch } from "../../model/http-route-set.ts";
import type { HeaderMatch, PathMatch } from "../../model/route.ts";
import { type FieldTable, fieldTable } from "../kubernetes/field-table.ts";
import type { Fields } from "../kubernetes/fields.ts";
import { REGEX_WORDS } from "../kubernetes/regex.ts";
import { ANY_PATH, ANYWHERE, headerMatch, matchAnything, readHeaders } from "./match.ts";

const MATCH = fieldTable({ executed: ["method", "headers"] });
const METHOD = fieldTable({ executed: ["type", "service", "method"] });

export const GRPC_MATCH_TABLES: Readonly<Record<string, FieldTable>> = {
  "GRPCRoute.spec.rules[].matches[]": MATCH,
  "GRPCRoute.spec.rules[].matches[].method": METHOD,
};

type MatchFields = Fields<keyof typeof MATCH>;
type MethodFields = Fields<keyof typeof METHOD>;
type Part = "service" | "method";

/** The CRD's CEL rules about names that are meant literally. */
const EXACT: Readonly<Record<Part, RegExp>> = {
  service: /^\.?[a-z_][a-z_0-9]*(\.[a-z_][a-z_0-9]*)*$/i,
  method: /^[A-Za-z_][A-Za-z_0-9]*$/,
};
const EXACT_WORDS = "letters, digits and underscores, a service's parts with dots between them";
const LENGTH_MAX = 1024;
/** One segment of the path, whatever it is. */
const ANY_PART = "[^/]+";

/** The matches of a rule; none written is one that matches everything. */
export function readGrpcMatches<Name extends string>(
  rule: Fields<Name | "matches">,
): readonly ScopedMatch[] {
  const entries = rule.mappings("matches", MATCH, 64);
  return entries.length > 0 ? entries.map(readMatch) : [matchAnything(rule.origin())];
}

function readMatch(entry: MatchFields): ScopedMatch {
  const { path, suffix } = readMethod(entry.mapping("method", METHOD));
  const headers = [...suffix, ...readHeaders(entry)];
  return { request: { path, headers, queryParameters: [] }, ...ANYWHERE, origin: entry.origin() };
}

interface Method {
  readonly path: PathMatch;
  /** Condition on how the path ends. */
  readonly suffix: readonly HeaderMatch[];
}

const ANY_METHOD: Method = { path: ANY_PATH, suffix: [] };

/**
 * A call is a POST to `/service/method`. A service alone is a prefix, so that it comes before a
 * method alone, as the specification orders them; a method alone is how the path ends.
 */
function readMethod(fields: MethodFields | undefined): Method {
  if (fields === undefined) return ANY_METHOD;
  const type = fields.word("type", ["Exact", "RegularExpression"]) ?? "Exact";
  const isExact = type === "Exact";
  const service = readPart(fields, "service", isExact);
  const method = readPart(fields, "method", isExact);
  if (service === "" && method === "") {
    fields.problemAt([], { message: "The match names nothing", allowed: "a service, a method" });
    return ANY_METHOD;
  }
  if (!isExact) return matching("regex", `/${group(service)}/${group(method)}`);
  if (service === "") {
    const value = { kind: "suffix", value: `/${method}`, ignoreCase: false } as const;
    return { path: ANY_PATH, suffix: [headerMatch(":path", value)] };
  }
  return method === ""
    ? matching("prefix", `/${service}/`)
    : matching("exact", `/${service}/${method}`);
}

function readPart(fields: MethodFields, part: Part, isExact: boolean): string {
  const value = fields.string(part, { lengthMax: LENGTH_MAX }) ?? "";
  if (value === "") return "";
  if (isExact) {
    if (!EXACT[part].test(value)) fields.bad(part, `Not the name of a ${part}`, EXACT_WORDS);
    return value;
  }
  const problem = regexProblem(value);
  if (problem !== undefined) fields.bad(part, `Not a usable expression: ${problem}`, REGEX_WORDS);
  return value;
}

function group(expression: string): string {
  return expression === "" ? ANY_PART : `(?:${expression})`;
}

function matching(kind: PathMatch["kind"], value: string): Method {
  return { path: { kind, value, caseSensitive: true }, suffix: [] };
}
