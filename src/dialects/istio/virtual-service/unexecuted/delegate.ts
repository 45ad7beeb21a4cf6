import { isLabel } from "../../host.ts";
import type { Spec } from "../../spec.ts";

/**
 * Istio's rules for handing on to another VirtualService, which nobody executes here yet: the
 * matches of both are combined, which regexes cannot be.
 */
export function checkDelegation(rule: Spec, inDelegate: boolean): void {
  const delegate = rule.at("delegate");
  if (!delegate.present && !inDelegate) return;
  if (inDelegate && delegate.present) {
    delegate.refuse("delegate HTTP route cannot contain delegate");
  }
  const namespace = delegate.at("namespace").text() ?? "";
  if (namespace !== "" && !isLabel(namespace)) {
    delegate.at("namespace").refuse(`invalid value for namespace: "${namespace}"`);
  }
  for (const match of rule.at("match").items()) checkMatch(match);
}

function checkMatch(match: Spec): void {
  for (const [field, name] of FIELDS) refuseRegex(match.at(field), name);
  for (const [field, name] of MAPS) {
    for (const [key, value] of match.at(field).entries()) refuseRegex(value, `${name} ${key}`);
  }
}

/** Istio's words for them. */
const FIELDS = [
  ["uri", "url match"],
  ["scheme", "scheme match"],
  ["method", "method match"],
  ["authority", "authority match"],
] as const;

const MAPS = [
  ["headers", "header match"],
  ["queryParams", "query param match"],
  ["withoutHeaders", "withoutHeaders match"],
] as const;

function refuseRegex(match: Spec, name: string): void {
  if (!match.at("regex").present) return;
  match.at("regex").refuse(`${name} does not support regex match for delegating`, "exact, prefix");
}
