import type { Diagnostic } from "../../base/diagnostic.ts";
import type { HttpRouteSet, HttpRule } from "../../model/http-route-set.ts";
import type { DialectContext } from "../dialect.ts";
import { readRouteTraffic } from "../kubernetes/annotations/linkerd/traffic.ts";
import { type FieldTable, fieldTable } from "../kubernetes/field-table.ts";
import { Fields } from "../kubernetes/fields.ts";
import type { KubernetesObject } from "../kubernetes/object.ts";
import { failing, readBackends } from "./backend.ts";
import { GRPC_FILTERS, readFilters } from "./filter/filter.ts";
import { readGrpcMatches } from "./grpc-match.ts";
import { rulesWith } from "./http-route.ts";
import { readParents, routeSetOf } from "./parent.ts";
import { NO_REWRITE } from "./rewrite.ts";
import { readNames } from "./rule.ts";
import { readSession } from "./session-persistence.ts";

const GRPC_ROUTE = fieldTable({
  executed: ["apiVersion", "kind", "metadata", "spec"],
  accepted: ["status"],
});
const SPEC = fieldTable({
  executed: ["parentRefs", "rules", "hostnames"],
  accepted: ["useDefaultGateways"],
});
const RULE = fieldTable({
  executed: ["name", "matches", "filters", "backendRefs", "sessionPersistence"],
});

export const GRPC_ROUTE_TABLES: Readonly<Record<string, FieldTable>> = {
  "GRPCRoute.spec": SPEC,
  "GRPCRoute.spec.rules[]": RULE,
};

type RuleFields = Fields<keyof typeof RULE>;

/** What gRPC clients read as UNAVAILABLE, which the specification wants for broken backends. */
const UNAVAILABLE = 503;

/** One route set for each Service that the GRPCRoute is attached to (GAMMA, GEP-1016). */
export function readGrpcRoute(
  object: KubernetesObject,
  context: DialectContext,
  diagnostics: Diagnostic[],
): HttpRouteSet[] {
  const route = Fields.ofObject(object, GRPC_ROUTE, diagnostics);
  const spec = route.requiredMapping("spec", SPEC);
  if (spec === undefined) return [];
  const parents = readParents(spec, context);
  const entries = spec.mappings("rules", RULE, 16);
  const names = readNames(spec, entries);
  const rules = entries.map((entry, index) => readRule(entry, names[index] ?? "", context));
  const annotated = readRouteTraffic(object.annotations, "GRPCRoute", route);
  return parents.map((parent) => routeSetOf(object, parent, rulesWith(rules, annotated)));
}

function readRule(rule: RuleFields, name: string, context: DialectContext): HttpRule {
  const filters = readFilters(rule, GRPC_FILTERS, context);
  const backends = readBackends(rule, context, UNAVAILABLE, GRPC_FILTERS);
  const origin = rule.origin();
  return {
    name,
    matches: readGrpcMatches(rule),
    action: {
      kind: "split",
      mirrors: filters.mirrors,
      backends: filters.unresolved ? [failing(origin, 1, UNAVAILABLE)] : backends,
      timeoutMs: undefined,
      retries: undefined,
      ...NO_REWRITE,
      hostRewrite: undefined,
    },
    requestHeaders: filters.requestHeaders,
    responseHeaders: filters.responseHeaders,
    cors: undefined,
    session: readSession(rule),
    origin,
  };
}
