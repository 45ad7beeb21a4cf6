import type { RequestAuthentication } from "../../../model/policy/request-authentication.ts";
import { readScopes } from "../authorization-policy/target.ts";
import type { Spec } from "../spec.ts";
import { readTokenRule } from "./token-rule.ts";

/** A RequestAuthentication: one for each scope that it names, mostly one. */
export function readRequestAuthentication(
  spec: Spec,
  rootNamespace: string,
): RequestAuthentication[] {
  const rules = spec.at("jwtRules").items().map(readTokenRule);
  const scopes = readScopes(spec, rootNamespace);
  return scopes.map((scope) => ({ scope, rules, origin: spec.object.origin() }));
}
