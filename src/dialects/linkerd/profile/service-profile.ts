import type { Diagnostic } from "../../../base/diagnostic.ts";
import { parseDuration } from "../../../base/duration.ts";
import {
  type Backend,
  type HttpRouteSet,
  type HttpRule,
  type RetrySettings,
  splitRule,
} from "../../../model/http-route-set.ts";
import type { Service } from "../../../model/mesh.ts";
import type { Origin } from "../../../model/origin.ts";
import { NO_MUTATIONS } from "../../../model/route.ts";
import type { DialectContext } from "../../dialect.ts";
import { type PortRange, parsePortRange } from "../../kubernetes/annotations/port-list.ts";
import { type FieldTable, fieldTable } from "../../kubernetes/field-table.ts";
import { Fields } from "../../kubernetes/fields.ts";
import type { KubernetesObject } from "../../kubernetes/object.ts";
import { CONDITION_TABLES, readCondition } from "./condition.ts";
import { OVERRIDE_TABLES, readOverrides } from "./overrides.ts";
import { RESPONSE_TABLES, readFailures } from "./response-class.ts";
import { BUDGET_TABLES, readRetryBudget } from "./retry-budget.ts";

const PROFILE = fieldTable({
  executed: ["apiVersion", "kind", "metadata", "spec"],
  accepted: ["status"],
});
const SPEC = fieldTable({ executed: ["routes", "retryBudget", "dstOverrides", "opaquePorts"] });
const ROUTE = fieldTable({
  executed: ["name", "condition", "responseClasses", "isRetryable", "timeout"],
});

export const PROFILE_TABLES: Readonly<Record<string, FieldTable>> = {
  "ServiceProfile.spec": SPEC,
  "ServiceProfile.spec.routes[]": ROUTE,
  ...CONDITION_TABLES,
  ...RESPONSE_TABLES,
  ...BUDGET_TABLES,
  ...OVERRIDE_TABLES,
};

type SpecFields = Fields<keyof typeof SPEC>;
type RouteFields = Fields<keyof typeof ROUTE>;

/** Linkerd's, of routes that say nothing. */
const TIMEOUT_MS = 10_000;
/** What Go's durations can hold. */
const TIMEOUT_MAX_H = 2_562_047;
const TIMEOUT_WORDS = `a duration such as 300ms, 1.5s, at most ${TIMEOUT_MAX_H}h`;
/** Linkerd has no such bound: it retries for as long as budget and timeout allow. */
const RETRIES_MAX = 5;
const HOUR_MS = 3_600_000;
/** What never reached an application. */
const UNSEEN: readonly string[] = ["connect-failure", "refused-stream"];
/** What Linkerd takes for failures of gRPC calls, as far as Envoy has words for it. */
const GRPC_FAILURES: readonly string[] = ["deadline-exceeded", "internal", "unavailable"];

/** What a ServiceProfile asks for. */
export interface ProfileReading {
  readonly routes: readonly HttpRouteSet[];
  /** Ports of the Service in whose bytes nothing is looked for. */
  readonly opaque: { readonly host: string; readonly ranges: readonly PortRange[] };
}

/** Its name is the Service's FQDN; one of another namespace is for that namespace's clients. */
export function readServiceProfile(
  object: KubernetesObject,
  context: DialectContext,
  diagnostics: Diagnostic[],
): ProfileReading {
  const fields = Fields.ofObject(object, PROFILE, diagnostics);
  const host = object.name;
  const service = context.services.find((candidate) => candidate.host === host);
  if (service === undefined) {
    fields.problemAt(["metadata", "name"], {
      code: "IST0101",
      severity: "warning",
      message: "No Service has this name, so the profile is nobody's",
      found: host,
      allowed: `NAME.NAMESPACE.svc.${context.settings.clusterDomain}`,
    });
  }
  const spec = fields.requiredMapping("spec", SPEC);
  if (spec === undefined) return { routes: [], opaque: { host, ranges: [] } };
  const routes = service === undefined ? [] : [routeSetOf(object, service, spec, context)];
  return { routes, opaque: { host, ranges: readOpaquePorts(spec) } };
}

function routeSetOf(
  object: KubernetesObject,
  service: Service,
  spec: SpecFields,
  context: DialectContext,
): HttpRouteSet {
  const { namespace, name, creationTimestamp } = object;
  const consumer = namespace !== service.namespace;
  const overrides = readOverrides(spec, context);
  const backends = overrides.length > 0 ? overrides : [itself(service, spec.origin())];
  const routes = spec.mappings("routes", ROUTE).flatMap((route) => readRoute(route, backends));
  return {
    dialect: "linkerd",
    hosts: [service.host],
    ports: undefined,
    namespace,
    name,
    exportTo: consumer ? [namespace] : ["*"],
    consumer,
    rules: overrides.length > 0 ? [...routes, rest(backends, spec.origin())] : routes,
    unmatched: "service",
    retryBudget: readRetryBudget(spec),
    creationTimestamp,
    origin: object.origin(),
  };
}

function itself({ host }: Service, origin: Origin): Backend {
  return {
    host,
    port: undefined,
    subset: "",
    weight: 1,
    requestHeaders: NO_MUTATIONS,
    responseHeaders: NO_MUTATIONS,
    hostRewrite: "",
    invalidStatus: undefined,
    origin,
  };
}

/** Linkerd's route `[DEFAULT]`. */
function rest(backends: readonly Backend[], origin: Origin): HttpRule {
  return { ...splitRule(backends, origin), name: "[DEFAULT]" };
}

function readRoute(route: RouteFields, backends: readonly Backend[]): HttpRule[] {
  const name = route.requiredString("name") ?? "";
  const matches = readCondition(route);
  const failures = readFailures(route);
  const timeoutMs = route.parsed("timeout", parseTimeout, TIMEOUT_WORDS);
  const isRetryable = route.boolean("isRetryable") === true;
  if (!isRetryable && route.has("responseClasses")) {
    const why = "what is a failure matters to retries alone; metrics tell statuses apart";
    route.notExecuted("responseClasses", "Classes of a route that is not retried", why);
  }
  if (matches === undefined) return [];
  const plain = splitRule(backends, route.origin());
  const isGrpcToo = !route.has("responseClasses");
  const action = {
    ...plain.action,
    timeoutMs: timeoutMs ?? TIMEOUT_MS,
    retries: retriesOf(isRetryable, failures, isGrpcToo),
  };
  return [{ ...plain, name, matches, action }];
}

function parseTimeout(text: string): number | undefined {
  const timeoutMs = parseDuration(text);
  return timeoutMs === undefined || timeoutMs > TIMEOUT_MAX_H * HOUR_MS ? undefined : timeoutMs;
}

function retriesOf(
  isRetryable: boolean,
  failures: readonly number[],
  isGrpcToo: boolean,
): RetrySettings {
  const settings: RetrySettings = {
    attempts: RETRIES_MAX,
    perTryTimeoutMs: undefined,
    retryOn: UNSEEN,
    statusCodes: [],
    backOffBaseMs: undefined,
    avoidPreviousHosts: true,
  };
  if (!isRetryable) return settings;
  const byStatus = failures.length === 0 ? [] : ["retriable-status-codes"];
  const byGrpc = isGrpcToo ? GRPC_FAILURES : [];
  const retryOn = [...UNSEEN, "reset", ...byStatus, ...byGrpc];
  return { ...settings, retryOn, statusCodes: failures };
}

function readOpaquePorts(spec: SpecFields): PortRange[] {
  const pattern = /^[0-9]{1,5}(-[0-9]{1,5})?$/;
  return spec
    .strings("opaquePorts", { pattern, allowed: "a port or a range, as 3306, 4000-4999" })
    .flatMap((text) => parsePortRange(text) ?? []);
}
