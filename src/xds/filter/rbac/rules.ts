import { create } from "@bufbuild/protobuf";
import {
  RBAC_Action as Action,
  PolicySchema,
  type RBAC as RulesMessage,
  RBACSchema as RulesSchema,
} from "../../../gen/envoy/config/rbac/v3/rbac_pb.js";
import type { RbacAction, RbacRules } from "../../../model/filter/rbac.ts";
import type { Place } from "../../check/place.ts";
import { keyOf } from "../../message/scalar.ts";
import { decodePermission, encodePermission } from "./permission.ts";
import { decodePrincipal, encodePrincipal } from "./principal.ts";

const ACTION: Readonly<Record<RbacAction, Action>> = {
  allow: Action.ALLOW,
  deny: Action.DENY,
  log: Action.LOG,
};

/** config.rbac.v3.RBAC; policies come in the order of their names' bytes, as Envoy asks them. */
export function decodeRules(message: RulesMessage, place: Place): RbacRules {
  const at = place.field("policies");
  const policies = Object.entries(message.policies).map(([name, policy]) => {
    const permissions = at.field(name).field("permissions");
    const principals = at.field(name).field("principals");
    return {
      name,
      permissions: policy.permissions.map((one, i) => decodePermission(one, permissions.item(i))),
      principals: policy.principals.map((one, i) => decodePrincipal(one, principals.item(i))),
    };
  });
  policies.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  return { action: keyOf(ACTION, message.action) ?? "allow", policies };
}

export function encodeRules({ action, policies }: RbacRules): RulesMessage {
  const encoded = policies.map(({ name, permissions, principals }) => {
    const policy = create(PolicySchema, {
      permissions: permissions.map(encodePermission),
      principals: principals.map(encodePrincipal),
    });
    return [name, policy] as const;
  });
  return create(RulesSchema, { action: ACTION[action], policies: Object.fromEntries(encoded) });
}
