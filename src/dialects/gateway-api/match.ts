import { FIELD_NAME_WORDS } from "../../base/grammar/field-name.ts";
import { regexProblem } from "../../base/regex.ts";
import type { ScopedMatch } from "../../model/http-route-set.ts";
import type { Origin } from "../../model/origin.ts";
import type { HeaderMatch, PathMatch, StringMatch } from "../../model/route.ts";
import { type FieldTable, fieldTable } from "../kubernetes/field-table.ts";
import type { Fields } from "../kubernetes/fields.ts";
import { REGEX_WORDS } from "../kubernetes/regex.ts";

const MATCH = fieldTable({ executed: ["path", "headers", "queryParams", "method"] });
const PATH = fieldTable({ executed: ["type", "value"] });
const VALUE = fieldTable({ executed: ["type", "name", "value"] });

export const MATCH_TABLES: Readonly<Record<string, FieldTable>> = {
  "HTTPRoute.spec.rules[].matches[]": MATCH,
  "matches[].path": PATH,
  "matches[].headers[], queryParams[]": VALUE,
};

type MatchFields = Fields<keyof typeof MATCH>;
type PathFields = Fields<keyof typeof PATH>;
type ValueFields = Fields<keyof typeof VALUE>;

/** RFC 9110 token; the CRD's pattern for header and query parameter names. */
export const HEADER_NAME: RegExp = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,256}$/;

const METHODS = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
  "PATCH",
] as const;

const PATH_CHARACTERS = /^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+$/;

/** What the CRD's CEL rules forbid in Exact and PathPrefix paths. */
const FORBIDDEN_PARTS: readonly (readonly [string, RegExp])[] = [
  ["//", /\/\//],
  ["/./", /\/\.\//],
  ["/../", /\/\.\.\//],
  ["an escaped slash", /%2f/i],
  ["a fragment (#)", /#/],
  ["/.. at its end", /\/\.\.$/],
  ["/. at its end", /\/\.$/],
];

/** Everything: what a rule without matches, or a match without path, means. */
export const ANY_PATH: PathMatch = { kind: "prefix", value: "/", caseSensitive: true };

/** The matches of a rule; none written is one that matches everything. */
export function readMatches<Name extends string>(
  rule: Fields<Name | "matches">,
): readonly ScopedMatch[] {
  const entries = rule.mappings("matches", MATCH, 64);
  return entries.length > 0 ? entries.map(readMatch) : [matchAnything(rule.origin())];
}

export function matchAnything(origin: Origin): ScopedMatch {
  const request = { path: ANY_PATH, headers: [], queryParameters: [] };
  return { request, ...ANYWHERE, origin };
}

export const ANYWHERE: Omit<ScopedMatch, "request" | "origin"> = {
  sourceLabels: undefined,
  sourceNamespace: undefined,
  port: undefined,
};

function readMatch(entry: MatchFields): ScopedMatch {
  const path = entry.mapping("path", PATH);
  const method = entry.word("method", METHODS);
  const parameters = readValues(entry.mappings("queryParams", VALUE, 16), (name) => name);
  return {
    request: {
      path: path === undefined ? ANY_PATH : readPath(path),
      headers: [
        ...(method === undefined ? [] : [headerMatch(":method", exactly(method))]),
        ...readHeaders(entry),
      ],
      queryParameters: parametersOf(parameters).map(([name, value]) => ({ name, value })),
    },
    ...ANYWHERE,
    origin: entry.origin(),
  };
}

/** A prefix counts in whole segments, and a slash at its end does not count. */
function readPath(path: PathFields): PathMatch {
  const type = path.word("type", ["Exact", "PathPrefix", "RegularExpression"]) ?? "PathPrefix";
  const value = path.string("value", { lengthMax: 1024 }) ?? "/";
  if (type === "RegularExpression") {
    checkRegex(path, value);
    return { kind: "regex", value, caseSensitive: true };
  }
  checkPath(path, value);
  if (type === "Exact") return { kind: "exact", value, caseSensitive: true };
  const prefix = value.replace(/\/$/, "");
  if (prefix === "") return ANY_PATH;
  return { kind: "separatedPrefix", value: prefix, caseSensitive: true };
}

function checkPath(path: PathFields, value: string): void {
  if (!value.startsWith("/")) path.bad("value", "The path is not absolute", "a path from / on");
  const parts = FORBIDDEN_PARTS.filter(([, pattern]) => pattern.test(value));
  for (const [part] of parts) path.bad("value", `The path must not contain ${part}`);
  if (parts.length === 0 && value !== "" && !PATH_CHARACTERS.test(value)) {
    const allowed = "letters, digits, -._~!$&'()*+,;=:@/ and %XX";
    path.bad("value", "The path contains characters that no path has", allowed);
  }
}

/** Conditions on headers, as HTTPRoutes and GRPCRoutes write them. */
export function readHeaders<Name extends string>(entry: Fields<Name | "headers">): HeaderMatch[] {
  const values = readValues(entry.mappings("headers", VALUE, 16), (name) => name.toLowerCase());
  return parametersOf(values).map(([name, value]) => headerMatch(name, value));
}

type NamedValues = ReadonlyMap<string, StringMatch>;

/** Of entries of one name the first counts, as the specification says. */
function readValues(
  entries: readonly ValueFields[],
  nameOf: (name: string) => string,
): NamedValues {
  const values = new Map<string, StringMatch>();
  for (const entry of entries) {
    const rule = { pattern: HEADER_NAME, allowed: FIELD_NAME_WORDS };
    const name = entry.requiredString("name", rule);
    const value = entry.requiredString("value", { lengthMax: 4096, allowed: "the value wanted" });
    const type = entry.word("type", ["Exact", "RegularExpression"]) ?? "Exact";
    if (name === undefined || value === undefined) continue;
    if (type === "RegularExpression") checkRegex(entry, value);
    if (values.has(nameOf(name))) reportRepeated(entry);
    else values.set(nameOf(name), type === "Exact" ? exactly(value) : regexOf(value));
  }
  return values;
}

function checkRegex(fields: PathFields | ValueFields, pattern: string): void {
  const problem = regexProblem(pattern);
  if (problem !== undefined)
    fields.bad("value", `Not a usable expression: ${problem}`, REGEX_WORDS);
}

function reportRepeated(entry: ValueFields): void {
  entry.problem("name", {
    code: "OUT0201",
    severity: "warning",
    message: "The name is there twice; only the first entry counts",
    found: String(entry.raw("name")),
  });
}

function parametersOf(values: NamedValues): [string, StringMatch][] {
  return [...values.entries()];
}

export function exactly(value: string): StringMatch {
  return { kind: "exact", value, ignoreCase: false };
}

function regexOf(value: string): StringMatch {
  return { kind: "regex", value, ignoreCase: false };
}

export function headerMatch(name: string, value: StringMatch): HeaderMatch {
  return { name, value, invert: false, missingAsEmpty: false };
}
