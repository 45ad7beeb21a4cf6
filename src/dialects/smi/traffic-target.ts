import type { Diagnostic } from "../../base/diagnostic.ts";
import {
  type AccessPolicy,
  type AccessRule,
  ANY_OPERATION,
  ANY_SOURCE,
  type OperationMatch,
} from "../../model/policy/access-policy.ts";
import type { DialectContext } from "../dialect.ts";
import { type FieldTable, fieldTable } from "../kubernetes/field-table.ts";
import { Fields } from "../kubernetes/fields.ts";
import type { KubernetesObject } from "../kubernetes/object.ts";
import type { RouteGroups } from "./traffic-split.ts";

/** v1alpha1 has everything at the top, and its rules are called `specs`. */
const TRAFFIC_TARGET = fieldTable({
  executed: ["apiVersion", "kind", "metadata", "spec", "destination", "specs", "sources"],
  accepted: ["status"],
});

const SPEC = fieldTable({ executed: ["destination", "rules", "sources"] });
const DESTINATION = fieldTable({ executed: ["kind", "name", "namespace", "port"] });
const SOURCE = fieldTable({ executed: ["kind", "name", "namespace"] });
const RULE = fieldTable({ executed: ["kind", "name", "matches"] });

const TCP_ROUTE = fieldTable({
  executed: ["apiVersion", "kind", "metadata", "spec"],
  accepted: ["status"],
});
const TCP_SPEC = fieldTable({ executed: ["matches"] });
const TCP_MATCHES = fieldTable({ executed: ["name", "ports"] });

export const TRAFFIC_TARGET_TABLES: Readonly<Record<string, FieldTable>> = {
  "TrafficTarget.spec": SPEC,
  "TrafficTarget.spec.destination": DESTINATION,
  "TrafficTarget.spec.sources[]": SOURCE,
  "TrafficTarget.spec.rules[]": RULE,
  "TCPRoute.spec": TCP_SPEC,
  "TCPRoute.spec.matches": TCP_MATCHES,
};

/** Ports of TCPRoutes by `namespace/name`; empty: every port. */
export type TcpRoutes = ReadonlyMap<string, readonly number[]>;

/** What TrafficTargets refer to. */
export interface Specifications {
  readonly groups: RouteGroups;
  readonly tcpRoutes: TcpRoutes;
}

type TargetFields = Fields<keyof typeof TRAFFIC_TARGET>;
type DestinationFields = Fields<keyof typeof DESTINATION>;
type RuleFields = Fields<keyof typeof RULE>;
type SourceFields = Fields<keyof typeof SOURCE>;

const PORT_MAX = 65_535;
const ACCOUNT = ["ServiceAccount"] as const;
const RULE_KINDS = ["HTTPRouteGroup", "TCPRoute", "UDPRoute"] as const;

/** The ports that a TCPRoute names. */
export function readTcpRoute(
  object: KubernetesObject,
  diagnostics: Diagnostic[],
): readonly number[] {
  const route = Fields.ofObject(object, TCP_ROUTE, diagnostics);
  const matches = route.mapping("spec", TCP_SPEC)?.mapping("matches", TCP_MATCHES);
  return (matches?.list("ports") ?? []).flatMap((port, index) => {
    if (Number.isInteger(port) && Number(port) > 0 && Number(port) <= PORT_MAX) return Number(port);
    const allowed = `a port from 1 to ${PORT_MAX}`;
    matches?.problemAt(["ports", index], { message: "The port cannot be used", allowed });
    return [];
  });
}

/**
 * Whom the pods of a service account serve, and what (SMI Traffic Access Control). Once a
 * TrafficTarget names the account, its pods serve nobody else; several targets add up.
 */
export function readTrafficTarget(
  object: KubernetesObject,
  known: Specifications,
  { settings }: DialectContext,
  diagnostics: Diagnostic[],
): AccessPolicy[] {
  const target = Fields.ofObject(object, TRAFFIC_TARGET, diagnostics);
  const { destination, rules, sources } = partsOf(target);
  const account = destination && readAccount(destination);
  if (account === undefined) return [];
  const principals = sources.flatMap((source) => {
    const caller = readAccount(source);
    return caller === undefined
      ? []
      : [`${settings.trustDomain}/ns/${caller.namespace}/sa/${caller.name}`];
  });
  const port = destination?.integer("port", { min: 1, max: PORT_MAX });
  const operations = rules.flatMap((rule) => readRule(rule, known));
  const from = [{ ...ANY_SOURCE, principals }];
  const rule: AccessRule = { from, to: operations, when: [], origin: target.origin() };
  const isNobody = principals.length === 0 || operations.length === 0;
  return [
    {
      dialect: "smi",
      action: "allow",
      scope: {
        namespace: account.namespace,
        labels: {},
        serviceAccount: account.name,
        ...(port === undefined ? {} : { ports: [port] }),
      },
      rules: isNobody ? [] : [rule],
      dryRun: false,
      provider: "",
      origin: target.origin(),
    },
  ];
}

interface Parts {
  readonly destination: DestinationFields | undefined;
  readonly rules: readonly RuleFields[];
  readonly sources: readonly SourceFields[];
}

function partsOf(target: TargetFields): Parts {
  if (target.object.version === "v1alpha1") {
    return {
      destination: target.requiredMapping("destination", DESTINATION),
      rules: target.mappings("specs", RULE),
      sources: target.mappings("sources", SOURCE),
    };
  }
  const spec = target.requiredMapping("spec", SPEC);
  return {
    destination: spec?.requiredMapping("destination", DESTINATION),
    rules: spec?.mappings("rules", RULE) ?? [],
    sources: spec?.mappings("sources", SOURCE) ?? [],
  };
}

interface Account {
  readonly namespace: string;
  readonly name: string;
}

/** Undefined where it cannot be read, which has been told. */
function readAccount(fields: SourceFields): Account | undefined {
  if (!fields.has("kind")) fields.missing("kind", ACCOUNT[0]);
  const kind = fields.word("kind", ACCOUNT);
  const name = fields.requiredString("name", { allowed: "the name of a ServiceAccount" });
  const namespace = fields.string("namespace") ?? fields.object.namespace;
  return kind === undefined || name === undefined ? undefined : { namespace, name };
}

function readRule(rule: RuleFields, known: Specifications): readonly OperationMatch[] {
  if (!rule.has("kind")) rule.missing("kind", RULE_KINDS.join(", "));
  const kind = rule.word("kind", RULE_KINDS);
  const name = rule.requiredString("name", {
    allowed: `the name of one of ${RULE_KINDS.join(", ")}`,
  });
  if (kind === undefined || name === undefined) return [];
  const key = `${rule.object.namespace}/${name}`;
  if (kind === "HTTPRouteGroup") return readGroupRule(rule, key, name, known.groups);
  if (kind === "UDPRoute") {
    rule.notExecuted("kind", "sidecars carry no UDP, so there is nothing to be let through");
    return [];
  }
  const ports = known.tcpRoutes.get(key);
  if (ports === undefined) return unknown(rule, kind, name);
  return [{ ...ANY_OPERATION, ports }];
}

/** All matches of a group, or those that the rule names. */
function readGroupRule(
  rule: RuleFields,
  key: string,
  name: string,
  groups: RouteGroups,
): readonly OperationMatch[] {
  const group = groups.get(key);
  if (group === undefined) return unknown(rule, "HTTPRouteGroup", name);
  const names = rule.strings("matches");
  if (names.length === 0) return group.map(({ operation }) => operation);
  return names.flatMap((wanted, index) => {
    const match = group.find((each) => each.name === wanted);
    if (match !== undefined) return match.operation;
    rule.problemAt(["matches", index], {
      message: `The HTTPRouteGroup has no match of this name, so nothing is let through by it`,
      found: wanted,
      allowed: group.map((each) => each.name).join(", "),
    });
    return [];
  });
}

function unknown(rule: RuleFields, kind: string, name: string): readonly OperationMatch[] {
  rule.problem("name", {
    message: `No ${kind} has this name, so nothing is let through by the rule`,
    found: name,
    hint: `write the ${kind} in namespace ${rule.object.namespace}`,
  });
  return [];
}
