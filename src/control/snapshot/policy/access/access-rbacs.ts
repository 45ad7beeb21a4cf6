import type { Rbac, RbacAction, RbacPolicy, RbacRules } from "../../../../model/filter/rbac.ts";
import type { MeshSettings } from "../../../../model/mesh.ts";
import type { AccessPolicy } from "../../../../model/policy/access-policy.ts";
import {
  distinct,
  neverPolicy,
  type RuleReading,
  ruleName,
  rulePolicy,
  unaskedName,
} from "./rule-policy.ts";
import { trustDomainsOf } from "./trust-domains.ts";

type Action = AccessPolicy["action"];
type Carriage = RuleReading["carriage"];

const DIALECTS: readonly AccessPolicy["dialect"][] = ["istio", "linkerd", "smi"];

/** What an external authorizer would be asked about; it comes before tokens are checked. */
const CUSTOM: readonly Action[] = ["custom"];
/** istiod's order: what is denied is logged, too. */
const OTHERS: readonly Action[] = ["audit", "deny", "allow"];

const RBAC_ACTIONS: Readonly<Record<Action, RbacAction>> = {
  custom: "deny",
  audit: "log",
  deny: "deny",
  allow: "allow",
};

/** Where dry runs are counted (Istio's names). */
const SHADOW_PREFIXES: Readonly<Record<RbacAction, string>> = {
  allow: "istio_dry_run_allow_",
  deny: "istio_dry_run_deny_",
  log: "",
};

/** CUSTOM policies: as long as no authorizer is asked, whatever they are about is denied. */
export function customRbacs(
  policies: readonly AccessPolicy[],
  settings: MeshSettings,
  carriage: Carriage,
): readonly Rbac[] {
  const enforced = policies.filter(({ dryRun }) => !dryRun);
  return rbacsOf(enforced, CUSTOM, settings, carriage);
}

/** All other policies: one set of rules an action and dialect, each of which has to agree. */
export function accessRbacs(
  policies: readonly AccessPolicy[],
  settings: MeshSettings,
  carriage: Carriage,
): readonly Rbac[] {
  return rbacsOf(policies, OTHERS, settings, carriage);
}

/** What Envoy calls it. */
export function accessActionOf(action: Action): RbacAction {
  return RBAC_ACTIONS[action];
}

export function readingOf(action: Action, settings: MeshSettings, carriage: Carriage): RuleReading {
  return { carriage, trustDomains: trustDomainsOf(settings), widens: action !== "allow" };
}

function rbacsOf(
  policies: readonly AccessPolicy[],
  actions: readonly Action[],
  settings: MeshSettings,
  carriage: Carriage,
): readonly Rbac[] {
  return DIALECTS.flatMap((dialect) =>
    actions.flatMap((action) => {
      const own = policies.filter((each) => each.dialect === dialect && each.action === action);
      const reading = readingOf(action, settings, carriage);
      return own.length === 0 ? [] : [rbacOf(own, RBAC_ACTIONS[action], reading)];
    }),
  );
}

function rbacOf(policies: readonly AccessPolicy[], action: RbacAction, reading: RuleReading): Rbac {
  const enforced = policies.filter(({ dryRun }) => !dryRun);
  const tried = policies.filter(({ dryRun }) => dryRun);
  return {
    rules: rulesOf(enforced, action, reading),
    shadowRules: rulesOf(tried, action, reading),
    rulesStatPrefix: "",
    shadowRulesStatPrefix: tried.length === 0 ? "" : SHADOW_PREFIXES[action],
    trackPerRuleStats: true,
  };
}

function rulesOf(
  policies: readonly AccessPolicy[],
  action: RbacAction,
  reading: RuleReading,
): RbacRules | undefined {
  if (policies.length === 0) return undefined;
  return { action, policies: distinct(policies.flatMap((policy) => policiesOf(policy, reading))) };
}

function policiesOf(policy: AccessPolicy, reading: RuleReading): readonly RbacPolicy[] {
  const { rules } = policy;
  if (rules.length === 0) return [neverPolicy(ruleName(policy, 0))];
  const nameOf = policy.action === "custom" ? unaskedName : ruleName;
  return rules.flatMap((rule, index) => rulePolicy(nameOf(policy, index), rule, reading) ?? []);
}
