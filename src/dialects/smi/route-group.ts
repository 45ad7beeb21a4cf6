import type { Diagnostic } from "../../base/diagnostic.ts";
import { regexProblem } from "../../base/regex.ts";
import type { ScopedMatch } from "../../model/http-route-set.ts";
import { ANY_OPERATION, type OperationMatch } from "../../model/policy/access-policy.ts";
import type { HeaderMatch, PathMatch } from "../../model/route.ts";
import { type FieldTable, fieldTable } from "../kubernetes/field-table.ts";
import { Fields, isMapping, showFound } from "../kubernetes/fields.ts";
import type { KubernetesObject, Path } from "../kubernetes/object.ts";
import { REGEX_WORDS } from "../kubernetes/regex.ts";

/** v1alpha1 and v1alpha2 have the matches at the top, later ones under `spec`. */
const GROUP = fieldTable({
  executed: ["apiVersion", "kind", "metadata", "spec", "matches"],
  accepted: ["status"],
});

const SPEC = fieldTable({ executed: ["matches"] });

const MATCH = fieldTable({ executed: ["name", "pathRegex", "methods", "headers"] });

export const ROUTE_GROUP_TABLES: Readonly<Record<string, FieldTable>> = {
  "HTTPRouteGroup.spec": SPEC,
  "HTTPRouteGroup.spec.matches[]": MATCH,
};

type MatchFields = Fields<keyof typeof MATCH>;

const METHOD = /^(\*|[A-Z][A-Z-]*)$/;

/** One alternative of a group: as splits choose requests by it, and as access is given by it. */
export interface GroupMatch {
  /** By which TrafficTargets call it. */
  readonly name: string;
  readonly match: ScopedMatch;
  readonly operation: OperationMatch;
}

/** The alternatives of an HTTPRouteGroup. */
export function readRouteGroup(
  object: KubernetesObject,
  diagnostics: Diagnostic[],
): readonly GroupMatch[] {
  const group = Fields.ofObject(object, GROUP, diagnostics);
  const entries = group.has("spec")
    ? (group.mapping("spec", SPEC)?.mappings("matches", MATCH) ?? [])
    : group.mappings("matches", MATCH);
  if (entries.length === 0) {
    group.problemAt([], { message: "The group has no matches", allowed: "at least one match" });
  }
  return entries.map(readMatch);
}

function readMatch(entry: MatchFields): GroupMatch {
  const name = entry.requiredString("name", { allowed: "a name by which TrafficTargets call it" });
  const pattern = readPathRegex(entry) ?? "";
  const path = pathMatch(pattern);
  const methods = readMethods(entry);
  const headers = headerMatches(entry);
  const methodMatches = methods.length === 0 ? [] : [headerMatch(":method", methods.join("|"))];
  return {
    name: name ?? "",
    match: {
      request: { path, headers: [...methodMatches, ...headers], queryParameters: [] },
      sourceLabels: undefined,
      sourceNamespace: undefined,
      port: undefined,
      origin: entry.origin(),
    },
    operation: {
      ...ANY_OPERATION,
      methods,
      // Who may do what is no place for paths that only begin so.
      pathRegexes: pattern === "" ? [] : [pattern],
      headerRegexes: headers.map(({ name: header, value }) => ({
        name: header,
        regex: value?.value ?? "",
      })),
    },
  };
}

function readPathRegex(entry: MatchFields): string | undefined {
  const pattern = entry.string("pathRegex");
  const problem = pattern === undefined ? undefined : regexProblem(pattern);
  if (problem === undefined) return pattern;
  entry.bad("pathRegex", `Not a usable expression: ${problem}`, REGEX_WORDS);
  return undefined;
}

/** The expression is anchored at the start alone; the model's must match the whole path. */
function pathMatch(pattern: string): PathMatch {
  if (pattern === "") {
    return { kind: "prefix", value: "/", caseSensitive: true };
  }
  return { kind: "regex", value: `(?:${pattern}).*`, caseSensitive: true };
}

/** Empty: any. */
function readMethods(entry: MatchFields): readonly string[] {
  const allowed = "an HTTP method in capitals, or *";
  const methods = entry.strings("methods", { pattern: METHOD, allowed });
  return methods.includes("*") ? [] : methods;
}

/** A mapping (v1alpha4), or a list of mappings (before): name to regular expression. */
function headerMatches(entry: MatchFields): HeaderMatch[] {
  const value = entry.raw("headers");
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    const pairs = Object.entries(entry.labels("headers") ?? {});
    return pairs.map(([name, text]) => checkedHeader(entry, ["headers", name], name, text));
  }
  return value.flatMap((item: unknown, index) => {
    const pairs = isMapping(item) ? Object.entries(item) : [];
    const texts = pairs.filter((pair): pair is [string, string] => typeof pair[1] === "string");
    if (texts.length === 0 || texts.length < pairs.length) {
      const allowed = "a mapping of header names to regular expressions";
      entry.problemAt(["headers", index], { message: "The header cannot be read", allowed });
    }
    return texts.map(([name, text]) => checkedHeader(entry, ["headers", index, name], name, text));
  });
}

function checkedHeader(
  entry: MatchFields,
  place: Path,
  name: string,
  pattern: string,
): HeaderMatch {
  const problem = regexProblem(pattern);
  if (problem !== undefined) {
    const message = `Not a usable expression: ${problem}`;
    entry.problemAt(place, { message, found: showFound(pattern), allowed: REGEX_WORDS });
  }
  return headerMatch(name, pattern);
}

function headerMatch(name: string, pattern: string): HeaderMatch {
  return {
    name: name.toLowerCase(),
    value: { kind: "regex", value: pattern, ignoreCase: false },
    invert: false,
    missingAsEmpty: false,
  };
}
