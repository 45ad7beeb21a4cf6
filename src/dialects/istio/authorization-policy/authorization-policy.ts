import type { MeshSettings } from "../../../model/mesh.ts";
import type { AccessPolicy } from "../../../model/policy/access-policy.ts";
import type { Spec } from "../spec.ts";
import { checkCustom, reportProvider } from "./custom.ts";
import { readRule, reportTcpDenial } from "./rule.ts";
import { readScopes } from "./target.ts";
import { atMost } from "./value-rules.ts";

const ACTIONS: Readonly<Partial<Record<string, AccessPolicy["action"]>>> = {
  ALLOW: "allow",
  DENY: "deny",
  AUDIT: "audit",
  CUSTOM: "custom",
};

const RULES_MAX = 512;
const DRY_RUN = "istio.io/dry-run";
/** Go's `strconv.ParseBool`. */
const TRUE = /^(?:1|t|T|true|TRUE|True)$/;
const FALSE = /^(?:0|f|F|false|FALSE|False)$/;

/** An AuthorizationPolicy: one for each scope that it names, mostly one. */
export function readAuthorizationPolicy(
  spec: Spec,
  { authorizationProviders = [], rootNamespace }: MeshSettings,
): AccessPolicy[] {
  const action = ACTIONS[spec.at("action").text() ?? "ALLOW"] ?? "allow";
  const rules = spec.at("rules").items();
  atMost(spec.at("rules"), RULES_MAX);
  if ((action === "deny" || action === "custom") && rules.length === 0) {
    spec.refuse(
      `${action.toUpperCase()} action without \`rules\` is meaningless as it will never be ` +
        "triggered, add an empty rule `{}` if you want it be triggered for every request",
    );
  }
  if (action === "custom") checkCustom(spec);
  else if (spec.at("provider").present) {
    spec
      .at("provider")
      .refuse(`\`provider\` must not be with non CUSTOM action, found ${action.toUpperCase()}`);
  }
  if (action === "deny") for (const rule of rules) reportTcpDenial(rule);
  const policy = {
    dialect: "istio",
    action,
    rules: rules.map(readRule),
    dryRun: readDryRun(spec, action),
    provider: action === "custom" ? (spec.at("provider").at("name").text() ?? "") : "",
    origin: spec.object.origin(),
  } as const;
  const scopes = readScopes(spec, rootNamespace);
  if (action === "custom" && !policy.dryRun) reportProvider(spec, authorizationProviders);
  return scopes.map((scope) => ({ ...policy, scope }));
}

/** A wrong value is no dry run, as in Istio: the policy is enforced. */
function readDryRun(spec: Spec, action: AccessPolicy["action"]): boolean {
  const annotation = spec.annotation(DRY_RUN);
  const text = annotation.text();
  if (text === undefined || FALSE.test(text)) return false;
  if (!TRUE.test(text)) {
    annotation.doubt(`${DRY_RUN} is neither true nor false: the policy is enforced`);
    return false;
  }
  if (action === "custom")
    annotation.doubt("of a CUSTOM policy nothing is tried: it has no effect");
  return true;
}
