import type { AccessRule } from "../../../model/policy/access-policy.ts";
import type { Spec } from "../spec.ts";
import { readCondition } from "./condition.ts";
import { readOperation } from "./operation.ts";
import { readSource } from "./source.ts";
import { atMost } from "./value-rules.ts";

const SOURCES_MAX = 512;

/** `rules[]`; `index` counts from 0. */
export function readRule(rule: Spec, index: number): AccessRule {
  const [from, to] = [rule.at("from"), rule.at("to")];
  atMost(from, SOURCES_MAX);
  for (const [list, name] of [
    [from, "from"],
    [to, "to"],
  ] as const) {
    if (list.present && list.items().length === 0) {
      list.refuse(`\`${name}\` must not be empty, found at rule ${index}`);
    }
  }
  return {
    from: from.items().flatMap((each) => readSource(each, index) ?? []),
    to: to.items().flatMap((each) => readOperation(each, index) ?? []),
    when: rule.at("when").items().map(readCondition),
    origin: rule.origin(),
  };
}

/** Fields that say something of a connection, too. */
const CONNECTION_FIELDS: readonly string[] = [
  "principals",
  "notPrincipals",
  "ipBlocks",
  "notIpBlocks",
  "namespaces",
  "notNamespaces",
  "remoteIpBlocks",
  "notRemoteIpBlocks",
  "serviceAccounts",
  "notServiceAccounts",
  "trustDomains",
  "notTrustDomains",
  "ports",
  "notPorts",
];

/** What is left of a DENY rule on a TCP port once its HTTP fields are dropped: maybe everything. */
export function reportTcpDenial(rule: Spec): void {
  const from = fieldsOf(rule.at("from"), "source");
  const to = fieldsOf(rule.at("to"), "operation");
  const speaksOfTcp = (fields: readonly string[]): boolean =>
    fields.some((field) => CONNECTION_FIELDS.includes(field));
  const httpFrom = from.length > 0 && to.length === 0 && !speaksOfTcp(from);
  const httpTo = to.length > 0 && !speaksOfTcp(to);
  if (!httpFrom && !httpTo) return;
  rule.doubt(
    "configured AuthorizationPolicy will deny all traffic to TCP ports under its scope due to " +
      "the use of only HTTP attributes in a DENY rule; " +
      "it is recommended to explicitly specify the port",
    "add to.operation.ports",
  );
}

function fieldsOf(list: Spec, inner: string): string[] {
  return list.items().flatMap((each) =>
    each
      .at(inner)
      .entries()
      .filter(([, values]) => values.present)
      .map(([name]) => name),
  );
}
