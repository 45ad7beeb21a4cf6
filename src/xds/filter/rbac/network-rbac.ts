import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import {
  RBACSchema,
  type RBAC as RbacMessage,
} from "../../../gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js";
import type { NetworkRbac, Permission, Principal, RbacRules } from "../../../model/filter/rbac.ts";
import type { Place } from "../../check/place.ts";
import { pack, typeNameOf, unpack } from "../../message/any.ts";
import { decodeRules, encodeRules } from "./rules.ts";

export const NETWORK_RBAC_NAME = "envoy.filters.network.rbac";

/** What only an HTTP request has. Envoy refuses headers; paths would never match. */
const OF_REQUESTS: ReadonlySet<string> = new Set(["header", "urlPath", "uriTemplate"]);

export function isNetworkRbac(any: Any): boolean {
  return typeNameOf(any.typeUrl) === RBACSchema.typeName;
}

/** filters.network.rbac.v3.RBAC; nothing where it does not parse (the check has said so). */
export function unpackNetworkRbac(any: Any, place: Place): NetworkRbac[] {
  const message = unpack(any, RBACSchema);
  return message === undefined ? [] : [decodeNetworkRbac(message, place)];
}

function decodeNetworkRbac(message: RbacMessage, place: Place): NetworkRbac {
  const { rules, shadowRules } = message;
  return {
    statPrefix: message.statPrefix,
    rules: rules && decodeConnectionRules(rules, place.field("rules")),
    shadowRules: shadowRules && decodeConnectionRules(shadowRules, place.field("shadow_rules")),
    rulesStatPrefix: "",
    shadowRulesStatPrefix: message.shadowRulesStatPrefix,
    trackPerRuleStats: false,
  };
}

function decodeConnectionRules(...[message, place]: Parameters<typeof decodeRules>): RbacRules {
  const rules = decodeRules(message, place);
  for (const { name, permissions, principals } of rules.policies) {
    const at = place.field("policies").field(name);
    if (permissions.some(asksRequest)) refuseRequests(at.field("permissions"));
    if (principals.some(asksRequest)) refuseRequests(at.field("principals"));
  }
  return rules;
}

function asksRequest(one: Permission | Principal): boolean {
  if (one.kind === "not") return asksRequest(one.of);
  if (one.kind === "and" || one.kind === "or") return one.of.some(asksRequest);
  return OF_REQUESTS.has(one.kind);
}

function refuseRequests(place: Place): void {
  place.refuse("ask about a request, which a TCP connection is not");
}

export function packNetworkRbac(rbac: NetworkRbac): Any {
  const { rules, shadowRules, shadowRulesStatPrefix, statPrefix } = rbac;
  const message = create(RBACSchema, {
    statPrefix,
    ...(rules === undefined ? {} : { rules: encodeRules(rules) }),
    ...(shadowRules === undefined ? {} : { shadowRules: encodeRules(shadowRules) }),
    shadowRulesStatPrefix,
  });
  return pack(RBACSchema, message);
}
