import { create } from "@bufbuild/protobuf";
import {
  type RBACPerRoute as OverrideMessage,
  RBACPerRouteSchema,
  RBACSchema,
  type RBAC as RbacMessage,
} from "../../../gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import type { Rbac, RbacOverride } from "../../../model/filter/rbac.ts";
import type { Place } from "../../check/place.ts";
import { decodeRules, encodeRules } from "./rules.ts";

/** What an override without `rbac` says: nothing is asked there. */
const DISABLED: Rbac = {
  rules: undefined,
  shadowRules: undefined,
  rulesStatPrefix: "",
  shadowRulesStatPrefix: "",
  trackPerRuleStats: false,
};

/** filters.http.rbac.v3.RBAC. */
export function decodeHttpRbac(message: RbacMessage, place: Place): Rbac {
  const { rules, shadowRules } = message;
  return {
    rules: rules && decodeRules(rules, place.field("rules")),
    shadowRules: shadowRules && decodeRules(shadowRules, place.field("shadow_rules")),
    rulesStatPrefix: message.rulesStatPrefix,
    shadowRulesStatPrefix: message.shadowRulesStatPrefix,
    trackPerRuleStats: message.trackPerRuleStats,
  };
}

export function encodeHttpRbac(rbac: Rbac): RbacMessage {
  const { rules, rulesStatPrefix, shadowRules, shadowRulesStatPrefix, trackPerRuleStats } = rbac;
  return create(RBACSchema, {
    ...(rules === undefined ? {} : { rules: encodeRules(rules) }),
    ...(shadowRules === undefined ? {} : { shadowRules: encodeRules(shadowRules) }),
    rulesStatPrefix,
    shadowRulesStatPrefix,
    trackPerRuleStats,
  });
}

/** filters.http.rbac.v3.RBACPerRoute, said to the filters named `filter`. */
export function decodeRbacOverride(
  filter: string,
  { rbac }: OverrideMessage,
  place: Place,
): RbacOverride {
  return { filter, rbac: rbac ? decodeHttpRbac(rbac, place.field("rbac")) : DISABLED };
}

export function encodeRbacOverride({ rbac }: RbacOverride): OverrideMessage {
  return create(RBACPerRouteSchema, { rbac: encodeHttpRbac(rbac) });
}
