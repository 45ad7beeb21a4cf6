import fc from "fast-check";
import type {
  NetworkRbac,
  Permission,
  Principal,
  Rbac,
  RbacOverride,
  RbacPolicy,
  RbacRules,
  ValueMatch,
} from "../../src/model/filter/rbac.ts";
import type { CidrRange } from "../../src/model/listener.ts";
import {
  few,
  headerMatch,
  name,
  port,
  someText,
  stringMatch,
  text,
  upTo3,
} from "./arbitrary-words.ts";

const range: fc.Arbitrary<CidrRange> = fc.oneof(
  fc.record({ address: fc.constantFrom("10.0.0.0", "10.1.2.3"), prefixLength: fc.nat(32) }),
  fc.record({ address: fc.constantFrom("fd00::", "::1"), prefixLength: fc.nat(128) }),
);

const plainValue: fc.Arbitrary<ValueMatch> = fc.oneof(
  fc.constant({ kind: "null" as const }),
  fc.record({ kind: fc.constant("number" as const), value: fc.integer() }),
  fc.record({ kind: fc.constant("range" as const), start: fc.nat(9), end: fc.nat(99) }),
  fc.record({ kind: fc.constant("string" as const), match: stringMatch }),
  fc.record({ kind: fc.constant("bool" as const), value: fc.boolean() }),
  fc.record({ kind: fc.constant("present" as const), present: fc.boolean() }),
);

const value: fc.Arbitrary<ValueMatch> = fc.oneof(
  plainValue,
  fc.record({ kind: fc.constant("list" as const), oneOf: plainValue }),
  fc.record({
    kind: fc.constant("or" as const),
    of: fc.array(plainValue, { minLength: 2, maxLength: 3 }),
  }),
);

const metadata = fc.record({
  kind: fc.constant("metadata" as const),
  match: fc.record({
    filter: someText,
    path: fc.array(someText, few),
    value,
    invert: fc.boolean(),
  }),
});

const any = fc.constant({ kind: "any" as const });
const header = fc.record({ kind: fc.constant("header" as const), match: headerMatch });
const urlPath = fc.record({ kind: fc.constant("urlPath" as const), match: stringMatch });
const both = fc.constantFrom("and" as const, "or" as const);

const ofConnections: fc.Arbitrary<Permission> = fc.oneof(
  any,
  fc.record({ kind: fc.constant("destinationIp" as const), range }),
  fc.record({ kind: fc.constant("destinationPort" as const), port }),
  fc.tuple(fc.nat(1000), fc.integer({ min: 1, max: 1000 })).map(([start, more]) => ({
    kind: "destinationPortRange" as const,
    start,
    end: start + more,
  })),
  fc.record({ kind: fc.constant("requestedServerName" as const), match: stringMatch }),
  metadata,
);

const ofRequests: fc.Arbitrary<Permission> = fc.oneof(
  ofConnections,
  header,
  urlPath,
  fc.record({
    kind: fc.constant("uriTemplate" as const),
    template: fc.constantFrom("/a/*/b", "/a/**", "/{x}/y", "/a/**/c.js"),
  }),
);

function permissionOf(leaf: fc.Arbitrary<Permission>): fc.Arbitrary<Permission> {
  const { node } = fc.letrec<{ node: Permission }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      leaf,
      fc.record({ kind: both, of: fc.array(tie("node"), few) }),
      fc.record({ kind: fc.constant("not" as const), of: tie("node") }),
    ),
  }));
  return node;
}

const callers: fc.Arbitrary<Principal> = fc.oneof(
  any,
  fc.record({
    kind: fc.constant("authenticated" as const),
    name: fc.option(stringMatch, { nil: undefined }),
  }),
  fc.record({ kind: fc.constantFrom("directRemoteIp", "sourceIp", "remoteIp"), range }),
  metadata,
);

function principalOf(leaf: fc.Arbitrary<Principal>): fc.Arbitrary<Principal> {
  const { node } = fc.letrec<{ node: Principal }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      leaf,
      fc.record({ kind: both, of: fc.array(tie("node"), few) }),
      fc.record({ kind: fc.constant("not" as const), of: tie("node") }),
    ),
  }));
  return node;
}

function rulesOf(
  permission: fc.Arbitrary<Permission>,
  principal: fc.Arbitrary<Principal>,
): fc.Arbitrary<RbacRules> {
  const policy: fc.Arbitrary<RbacPolicy> = fc.record({
    name: fc.oneof(name, fc.constantFrom("ns[a]-policy[b]-rule[0]", "a b.c")),
    permissions: fc.array(permission, few),
    principals: fc.array(principal, few),
  });
  const policies = fc
    .uniqueArray(policy, { maxLength: 3, selector: (one) => one.name })
    .map((list) => list.sort((a, b) => (a.name < b.name ? -1 : 1)));
  return fc.record({ action: fc.constantFrom("allow", "deny", "log"), policies });
}

/** Any legal rules of HTTP requests. */
export const rbacRules: fc.Arbitrary<RbacRules> = rulesOf(
  permissionOf(ofRequests),
  principalOf(fc.oneof(callers, header, urlPath)),
);

export const rbac: fc.Arbitrary<Rbac> = fc.record({
  rules: fc.option(rbacRules, { nil: undefined }),
  shadowRules: fc.option(rbacRules, { nil: undefined }),
  rulesStatPrefix: text,
  shadowRulesStatPrefix: text,
  trackPerRuleStats: fc.boolean(),
});

export const rbacOverrides: fc.Arbitrary<RbacOverride[]> = fc.uniqueArray(
  fc.record({ filter: name, rbac }),
  { ...upTo3, selector: (one) => one.filter },
);

const connectionRules = rulesOf(permissionOf(ofConnections), principalOf(callers));

export const networkRbac: fc.Arbitrary<NetworkRbac> = fc.record({
  statPrefix: someText,
  rules: fc.option(connectionRules, { nil: undefined }),
  shadowRules: fc.option(connectionRules, { nil: undefined }),
  rulesStatPrefix: fc.constant(""),
  shadowRulesStatPrefix: text,
  trackPerRuleStats: fc.constant(false),
});
