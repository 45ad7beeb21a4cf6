import { regexProblem } from "../../../base/regex.ts";
import type { ScopedMatch } from "../../../model/http-route-set.ts";
import type { HeaderMatch, PathMatch } from "../../../model/route.ts";
import { type FieldTable, fieldTable } from "../../kubernetes/field-table.ts";
import type { Fields } from "../../kubernetes/fields.ts";
import { REGEX_WORDS } from "../../kubernetes/regex.ts";

const CONDITION = fieldTable({ executed: ["pathRegex", "method", "all", "any", "not"] });

export const CONDITION_TABLES: Readonly<Record<string, FieldTable>> = {
  "ServiceProfile.spec.routes[].condition": CONDITION,
};

type ConditionFields = Fields<keyof typeof CONDITION>;

/** All of it must hold. */
interface Alternative {
  readonly pathRegex: string | undefined;
  readonly methods: readonly HeaderMatch[];
}

const ANYTHING: Alternative = { pathRegex: undefined, methods: [] };
const ANY_PATH: PathMatch = { kind: "prefix", value: "/", caseSensitive: true };

/** One condition may be written so that it has very many. */
const ALTERNATIVES_MAX = 64;
const DEPTH_MAX = 16;

/** RFC 9110 section 9.1. */
const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$/;

/**
 * A route's condition as alternatives of matches. Undefined where it cannot be one, which is
 * reported: a path that must not match, or two that must; or where it never holds (`any: []`).
 */
export function readCondition<Name extends string>(
  route: Fields<Name | "condition">,
): readonly ScopedMatch[] | undefined {
  const condition = route.requiredMapping("condition", CONDITION);
  const alternatives = condition && alternativesOf(condition, false, 0);
  if (alternatives === undefined) return undefined;
  if (alternatives.length > ALTERNATIVES_MAX) {
    const found = `${alternatives.length} alternatives`;
    const allowed = `at most ${ALTERNATIVES_MAX}`;
    route.problem("condition", { message: "The condition is too complex", found, allowed });
    return undefined;
  }
  if (alternatives.length === 0) {
    const message = "The condition can never hold, so no request takes this route";
    route.problem("condition", { code: "OUT0201", severity: "warning", message });
    return undefined;
  }
  return alternatives.map(({ pathRegex, methods }) => ({
    request: { path: pathOf(pathRegex), headers: methods, queryParameters: [] },
    sourceLabels: undefined,
    sourceNamespace: undefined,
    port: undefined,
    origin: route.origin("condition"),
  }));
}

function pathOf(pathRegex: string | undefined): PathMatch {
  return pathRegex === undefined
    ? ANY_PATH
    : { kind: "regex", value: pathRegex, caseSensitive: true };
}

type Alternatives = readonly Alternative[] | undefined;

/** Several fields side by side must all hold. */
function alternativesOf(fields: ConditionFields, negated: boolean, depth: number): Alternatives {
  if (depth > DEPTH_MAX) {
    fields.problemAt([], { message: "The condition is nested too deeply", allowed: "16 levels" });
    return undefined;
  }
  const inner = (one: ConditionFields, inverted: boolean): Alternatives =>
    alternativesOf(one, inverted, depth + 1);
  const parts: Alternatives[] = [];
  if (fields.has("pathRegex")) parts.push(path(fields, negated));
  if (fields.has("method")) parts.push(method(fields, negated));
  for (const name of ["all", "any"] as const) {
    if (!fields.has(name)) continue;
    const members = fields.mappings(name, CONDITION).map((one) => inner(one, negated));
    parts.push((name === "all") === negated ? either(members) : both(members, fields));
  }
  if (fields.has("not")) {
    const members = notMembers(fields).map((one) => inner(one, !negated));
    parts.push(negated ? either(members) : both(members, fields));
  }
  if (parts.length > 0) return negated ? either(parts) : both(parts, fields);
  const allowed = "pathRegex, method, all, any or not";
  fields.problemAt([], { message: "The condition says nothing", found: "nothing", allowed });
  return undefined;
}

/** Linkerd's CRD wants a list, its own reader a mapping. */
function notMembers(fields: ConditionFields): readonly ConditionFields[] {
  if (Array.isArray(fields.raw("not"))) return fields.mappings("not", CONDITION);
  const one = fields.mapping("not", CONDITION);
  return one === undefined ? [] : [one];
}

function path(fields: ConditionFields, negated: boolean): Alternatives {
  const pathRegex = fields.requiredString("pathRegex");
  if (pathRegex === undefined) return undefined;
  const problem = regexProblem(pathRegex);
  if (problem !== undefined) {
    fields.bad("pathRegex", `Not a usable expression: ${problem}`, REGEX_WORDS);
    return undefined;
  }
  if (!negated) return [{ ...ANYTHING, pathRegex }];
  refuse(fields, "pathRegex", "A path that must not match cannot be routed by");
  return undefined;
}

function method(fields: ConditionFields, negated: boolean): Alternatives {
  const allowed = "a method such as GET";
  const name = fields.requiredString("method", { pattern: METHOD, allowed });
  if (name === undefined) return undefined;
  const value = { kind: "exact", value: name.toUpperCase(), ignoreCase: false } as const;
  const match = { name: ":method", value, invert: negated, missingAsEmpty: false };
  return [{ ...ANYTHING, methods: [match] }];
}

/** Any of them. */
function either(members: readonly Alternatives[]): Alternatives {
  const known = members.flatMap((member) => member ?? []);
  return members.includes(undefined) ? undefined : known;
}

/** Each of them: every alternative of one with every alternative of the next. */
function both(members: readonly Alternatives[], fields: ConditionFields): Alternatives {
  let joined: readonly Alternative[] = [ANYTHING];
  for (const member of members) {
    if (member === undefined) return undefined;
    const next: Alternative[] = [];
    for (const left of joined) {
      for (const right of member) {
        const one = join(left, right);
        if (one === undefined) {
          refuse(fields, "all", "Two paths that must both match cannot be routed by");
          return undefined;
        }
        // What is over the bound is refused as a whole; it need not be written out.
        if (next.length <= ALTERNATIVES_MAX) next.push(one);
      }
    }
    joined = next;
  }
  return joined;
}

function join(left: Alternative, right: Alternative): Alternative | undefined {
  const pathRegex = left.pathRegex ?? right.pathRegex;
  if (right.pathRegex !== undefined && right.pathRegex !== pathRegex) return undefined;
  return { pathRegex, methods: [...left.methods, ...right.methods] };
}

function refuse(fields: ConditionFields, name: "pathRegex" | "all", message: string): void {
  const hint = "write the routes before it so that they take what it leaves out";
  fields.problemAt(fields.has(name) ? [name] : [], { code: "OUT0202", message, hint });
}
