import type { Diagnostic } from "../../base/diagnostic.ts";
import { regexProblem } from "../../base/regex.ts";
import { ANY_OPERATION, type OperationMatch } from "../../model/policy/access-policy.ts";
import { type FieldTable, fieldTable } from "../kubernetes/field-table.ts";
import { Fields } from "../kubernetes/fields.ts";
import type { KubernetesObject } from "../kubernetes/object.ts";
import { REGEX_WORDS } from "../kubernetes/regex.ts";

const ROUTE = fieldTable({
  executed: ["apiVersion", "kind", "metadata", "spec"],
  accepted: ["status"],
});
const SPEC = fieldTable({ executed: ["parentRefs", "rules"], refused: ["hostnames"] });
const PARENT = fieldTable({
  executed: ["kind", "name"],
  accepted: ["group", "namespace", "sectionName", "port"],
});
const RULE = fieldTable({
  executed: ["matches"],
  reported: ["filters", "timeouts", "backendRefs"],
});
const MATCH = fieldTable({ executed: ["path", "method", "headers"], refused: ["queryParams"] });
const PATH = fieldTable({ executed: ["type", "value"] });
const HEADER = fieldTable({ executed: ["type", "name", "value"] });

export const HTTP_ROUTE_TABLES: Readonly<Record<string, FieldTable>> = {
  "HTTPRoute.spec": SPEC,
  "HTTPRoute.spec.parentRefs[]": PARENT,
  "HTTPRoute.spec.rules[]": RULE,
  "HTTPRoute.spec.rules[].matches[]": MATCH,
};

/** Requests of a Server that a route tells from others. */
export interface InboundRoute {
  readonly namespace: string;
  readonly name: string;
  /** Names of the Servers that it belongs to, in its namespace. */
  readonly servers: readonly string[];
  readonly operations: readonly OperationMatch[];
}

type MatchFields = Fields<keyof typeof MATCH>;

/** Of Linkerd's own HTTPRoutes: the ones of Servers. */
export function readHttpRoute(
  object: KubernetesObject,
  diagnostics: Diagnostic[],
): readonly InboundRoute[] {
  const spec = Fields.ofObject(object, ROUTE, diagnostics).requiredMapping("spec", SPEC);
  if (spec === undefined) return [];
  const servers = spec.mappings("parentRefs", PARENT).flatMap((parent) => {
    const name = parent.requiredString("name");
    if (parent.raw("kind") === "Server") return name ?? [];
    parent.notExecuted("kind", "requests are routed by HTTPRoutes of gateway.networking.k8s.io");
    return [];
  });
  const rules = spec.mappings("rules", RULE).flatMap((rule) => {
    const matches = rule.mappings("matches", MATCH);
    return matches.length === 0 ? [ANY_OPERATION] : matches.map(readMatch);
  });
  // The Gateway API's default is one rule for everything; an empty list is about nothing.
  const operations = spec.has("rules") ? rules : [ANY_OPERATION];
  return [{ namespace: object.namespace, name: object.name, servers, operations }];
}

function readMatch(match: MatchFields): OperationMatch {
  const method = match.string("method");
  return {
    ...ANY_OPERATION,
    ...readPath(match),
    methods: method === undefined ? [] : [method],
    headerRegexes: match.mappings("headers", HEADER).flatMap((header) => {
      const name = header.requiredString("name");
      const value = header.requiredString("value");
      const type = header.word("type", ["Exact", "RegularExpression"]) ?? "Exact";
      if (name === undefined || value === undefined) return [];
      if (type === "RegularExpression") checkRegex(header, value);
      return { name: name.toLowerCase(), regex: type === "Exact" ? literal(value) : value };
    }),
  };
}

/** The Gateway API's prefix ends at a slash. */
function readPath(match: MatchFields): Pick<OperationMatch, "paths" | "pathRegexes"> {
  const path = match.mapping("path", PATH);
  const value = path?.string("value") ?? "/";
  const types = ["PathPrefix", "Exact", "RegularExpression"] as const;
  const type = path?.word("type", types) ?? "PathPrefix";
  if (type === "RegularExpression") {
    if (path !== undefined) checkRegex(path, value);
    return { paths: [], pathRegexes: [value] };
  }
  if (type === "Exact") return { paths: [], pathRegexes: [literal(value)] };
  const prefix = value.replace(/\/+$/, "");
  return { paths: [], pathRegexes: prefix === "" ? [] : [`${literal(prefix)}(?:/.*)?`] };
}

function checkRegex(
  fields: Fields<"type" | "value"> | Fields<"type" | "name" | "value">,
  pattern: string,
): void {
  const problem = regexProblem(pattern);
  if (problem !== undefined)
    fields.bad("value", `Not a usable expression: ${problem}`, REGEX_WORDS);
}

/** The text itself, whatever stands in it. */
function literal(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
