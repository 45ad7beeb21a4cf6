import type { Clause } from "../../control/snapshot/policy/access/clause.ts";
import { allOf, PERMISSIONS, PRINCIPALS } from "../../control/snapshot/policy/access/clause.ts";
import { conditionClauses } from "../../control/snapshot/policy/access/conditions.ts";
import { operationClauses } from "../../control/snapshot/policy/access/operations.ts";
import { type RuleReading, rulePolicy } from "../../control/snapshot/policy/access/rule-policy.ts";
import { sourceClauses } from "../../control/snapshot/policy/access/sources.ts";
import type { Permission, Principal, RbacAction, RbacPolicy } from "../../model/filter/rbac.ts";
import type { AccessRule } from "../../model/policy/access-policy.ts";
import { type DescribedRequest, decideRbac } from "../../proxy/filters/rbac/decide.ts";

/** What one rule made of a request. */
export interface RuleJudgement {
  /** From 0. */
  readonly index: number;
  readonly matched: boolean;
  /** Why not: `to[0].operation.methods is GET`; of several alternatives those of the closest. */
  readonly misses: readonly string[];
}

/** How a rule is asked: as the data plane does, with the same code. */
export interface RuleAsking {
  readonly reading: RuleReading;
  readonly action: RbacAction;
  readonly request: DescribedRequest;
}

export function judgeRule(rule: AccessRule, index: number, asking: RuleAsking): RuleJudgement {
  const policy = rulePolicy("rule", rule, asking.reading);
  if (policy === undefined) {
    const misses = ["a request, and the port is TCP"];
    return { index, matched: false, misses };
  }
  const matched = matches(policy, asking);
  return { index, matched, misses: matched ? [] : missesOf(rule, asking) };
}

function missesOf(rule: AccessRule, asking: RuleAsking): readonly string[] {
  const { reading } = asking;
  const when = conditionClauses(rule.when, reading);
  const from = rule.from.map((source, at) =>
    sourceClauses(source, reading)
      .filter((clause) => !asksWho(clause, asking))
      .map(({ field }) => wanted(`from[${at}].source`, field, source)),
  );
  const to = rule.to.map((operation, at) =>
    operationClauses(operation, reading.widens)
      .filter((clause) => !asksWhat(clause, asking))
      .map(({ field }) => wanted(`to[${at}].operation`, field, operation)),
  );
  const conditions = [
    ...when.principals.filter((clause) => !asksWho(clause, asking)),
    ...when.permissions.filter((clause) => !asksWhat(clause, asking)),
  ].map(({ field }) => wantedBy(rule, field));
  return [...closest(from), ...closest(to), ...conditions];
}

/** Of alternatives one has to match: the one that lacks least tells most. */
function closest(alternatives: readonly (readonly string[])[]): readonly string[] {
  return alternatives.toSorted((left, right) => left.length - right.length)[0] ?? [];
}

/** `to[0].operation.methods is GET, POST, not …`, as it is written in the rule. */
function wanted(place: string, field: string, fields: object): string {
  const values = fields as Readonly<Record<string, readonly unknown[] | undefined>>;
  const not = `not${field.charAt(0).toUpperCase()}${field.slice(1)}`;
  const parts = [
    ...listed(`${place}.${field}`, values[field]),
    ...listed(`${place}.${not}`, values[not]),
  ];
  return parts.length === 0 ? `${place}.${field}` : parts.join(", ");
}

function wantedBy({ when }: AccessRule, key: string): string {
  const at = when.findIndex((condition) => condition.key === key);
  const { values = [], notValues = [] } = when[at] ?? {};
  const place = `when[${at}] ${key}`;
  return [...listed(place, values), ...listed(`${place} not`, notValues)].join(", ");
}

const SHOWN_MAX = 5;

function listed(place: string, values: readonly unknown[] | undefined): readonly string[] {
  if (values === undefined || values.length === 0) return [];
  const shown = values.slice(0, SHOWN_MAX).join(" | ");
  const more = values.length > SHOWN_MAX ? ` | ${values.length - SHOWN_MAX} more` : "";
  return [`${place}: ${shown}${more}`];
}

function asksWhat(clause: Clause<Permission>, asking: RuleAsking): boolean {
  const permission = allOf(PERMISSIONS, [clause], asking.reading) ?? PERMISSIONS.any;
  return matches(
    { name: "field", permissions: [permission], principals: [PRINCIPALS.any] },
    asking,
  );
}

function asksWho(clause: Clause<Principal>, asking: RuleAsking): boolean {
  const principal = allOf(PRINCIPALS, [clause], asking.reading) ?? PRINCIPALS.any;
  return matches(
    { name: "field", permissions: [PERMISSIONS.any], principals: [principal] },
    asking,
  );
}

function matches(policy: RbacPolicy, { action, request }: RuleAsking): boolean {
  const rules = { action, policies: [policy] };
  const rbac = {
    rules,
    shadowRules: undefined,
    rulesStatPrefix: "",
    shadowRulesStatPrefix: "",
    trackPerRuleStats: false,
  };
  return decideRbac(rbac, request).enforced?.policy !== undefined;
}
