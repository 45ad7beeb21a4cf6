import { isDeepStrictEqual } from "node:util";
import type { RbacPolicy } from "../../../../model/filter/rbac.ts";
import type { AccessPolicy, AccessRule } from "../../../../model/policy/access-policy.ts";
import { allOf, PERMISSIONS, PRINCIPALS } from "./clause.ts";
import { conditionClauses } from "./conditions.ts";
import { operationClauses } from "./operations.ts";
import { type Reading, sourceClauses } from "./sources.ts";

export interface RuleReading extends Reading {
  readonly carriage: "http" | "tcp";
}

/** Undefined where nothing can be said of it on a TCP port: then the rule lets nothing through. */
export function rulePolicy(
  name: string,
  rule: AccessRule,
  reading: RuleReading,
): RbacPolicy | undefined {
  const when = conditionClauses(rule.when, reading);
  const sources = rule.from.map((source) => sourceClauses(source, reading));
  const principals = (rule.from.length === 0 ? [[]] : sources).map((clauses) =>
    allOf(PRINCIPALS, [...clauses, ...when.principals], reading),
  );
  const operations = rule.to.map((operation) => operationClauses(operation, reading.widens));
  const permissions = (rule.to.length === 0 ? [[]] : operations).map((clauses) =>
    allOf(PERMISSIONS, [...clauses, ...when.permissions], reading),
  );
  const made = {
    name,
    principals: principals.filter((principal) => principal !== undefined),
    permissions: permissions.filter((permission) => permission !== undefined),
  };
  const whole =
    made.principals.length === principals.length && made.permissions.length === permissions.length;
  return whole ? made : undefined;
}

/** An ALLOW policy without rules is there, and lets nothing through. */
export function neverPolicy(name: string): RbacPolicy {
  const never = { kind: "not", of: { kind: "any" } } as const;
  return { name, permissions: [never], principals: [never] };
}

/** Linkerd's, of which an AuthorizationPolicy of the same name may stand beside. */
const NAMESAKES: ReadonlySet<string> = new Set(["Server", "ServerAuthorization"]);

/** As Istio names them: `ns[default]-policy[reviews]-rule[0]`. */
export function ruleName({ origin }: Pick<AccessPolicy, "origin">, index: number): string {
  const name = NAMESAKES.has(origin.kind) ? `${origin.kind}/${origin.name}` : origin.name;
  return `ns[${origin.namespace}]-policy[${name}]-rule[${index}]`;
}

/**
 * What stands there twice once, as one policy may for several services that lead to a pod; what
 * only has the same name, as one for several Servers, under names of its own.
 */
export function distinct(policies: readonly RbacPolicy[]): readonly RbacPolicy[] {
  const byName = new Map<string, RbacPolicy>();
  for (const policy of policies) {
    let { name } = policy;
    for (let count = 2; !isFree(name, policy, byName); count++) name = `${policy.name}~${count}`;
    byName.set(name, { ...policy, name });
  }
  return [...byName.keys()].sort().flatMap((name) => byName.get(name) ?? []);
}

function isFree(
  name: string,
  policy: RbacPolicy,
  byName: ReadonlyMap<string, RbacPolicy>,
): boolean {
  const there = byName.get(name);
  return there === undefined || isDeepStrictEqual({ ...there, name: policy.name }, policy);
}

/** Whether a name of the engine's stands for that rule. */
export function isNamed(name: string | undefined, rule: string): boolean {
  return name === rule || name?.startsWith(`${rule}~`) === true;
}

/** Istio's name for a rule of a CUSTOM policy whose authorizer cannot be asked. */
export function unaskedName(policy: AccessPolicy, index: number): string {
  const name = ruleName(policy, index);
  return `istio-ext-authz-${policy.provider}-${name}-deny-due-to-bad-CUSTOM-action`;
}
