import type { Diagnostic } from "../../base/diagnostic.ts";
import type { HttpRouteSet, HttpRule } from "../../model/http-route-set.ts";
import type { DialectContext } from "../dialect.ts";
import {
  type RouteTraffic,
  readRouteTraffic,
  withTraffic,
} from "../kubernetes/annotations/linkerd/traffic.ts";
import { type FieldTable, fieldTable } from "../kubernetes/field-table.ts";
import { Fields } from "../kubernetes/fields.ts";
import type { KubernetesObject } from "../kubernetes/object.ts";
import { portsOf, readParents, routeSetOf } from "./parent.ts";
import { type RuleOfPort, readRules } from "./rule.ts";

const HTTP_ROUTE = fieldTable({
  executed: ["apiVersion", "kind", "metadata", "spec"],
  accepted: ["status"],
});
const SPEC = fieldTable({
  executed: ["parentRefs", "rules", "hostnames"],
  accepted: ["useDefaultGateways"],
});

export const HTTP_ROUTE_TABLES: Readonly<Record<string, FieldTable>> = {
  "HTTPRoute.spec": SPEC,
};

/** One route set for each Service that the HTTPRoute is attached to (GAMMA, GEP-1294). */
export function readHttpRoute(
  object: KubernetesObject,
  context: DialectContext,
  diagnostics: Diagnostic[],
): HttpRouteSet[] {
  const route = Fields.ofObject(object, HTTP_ROUTE, diagnostics);
  const spec = route.requiredMapping("spec", SPEC);
  if (spec === undefined) return [];
  const parents = readParents(spec, context);
  const annotated = readRouteTraffic(object.annotations, "HTTPRoute", route);
  const rules = readRules(spec, context);
  return parents.map((parent) => {
    const here = rules.flatMap((rule) => rulesFor(rule, portsOf(parent)));
    return routeSetOf(object, parent, rulesWith(here, annotated));
  });
}

/** Rules with what their route's annotations say of retries and timeouts. */
export function rulesWith(rules: readonly HttpRule[], annotated: RouteTraffic): HttpRule[] {
  return rules.map((rule) => {
    const { action } = rule;
    return action.kind === "split" ? { ...rule, action: withTraffic(action, annotated) } : rule;
  });
}

/** A rule once, or once for each port where redirects from them differ. */
function rulesFor(rule: RuleOfPort, ports: readonly number[]): HttpRule[] {
  const variants = ports.map((port) => ({ port, rules: rule(port) }));
  const texts = new Set(variants.map(({ rules }) => JSON.stringify(rules)));
  if (texts.size === 1) return variants[0]?.rules ?? [];
  return variants.flatMap(({ port, rules }) =>
    rules.map((one) => ({ ...one, matches: one.matches.map((match) => ({ ...match, port })) })),
  );
}
