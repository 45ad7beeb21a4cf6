import { type FilterConfigs, NO_FILTER_CONFIGS } from "../../../model/filter/filter-configs.ts";
import type {
  Backend,
  HttpRule,
  RouteDialect,
  ScopedMatch,
  SplitAction,
} from "../../../model/http-route-set.ts";
import { matchesLabels, type Service } from "../../../model/mesh.ts";
import type { Origin } from "../../../model/origin.ts";
import type { RouteDecision } from "../../../model/precedence/route.ts";
import { trafficOf, withServiceTraffic } from "../../../model/precedence/service-traffic.ts";
import type { CircuitBreaker } from "../../../model/resilience/circuit-breaker.ts";
import type { ServiceTraffic } from "../../../model/resilience/service-traffic.ts";
import type {
  DirectResponseAction,
  ForwardAction,
  Route,
  RouteAction,
  RouteMatch,
  WeightedCluster,
} from "../../../model/route.ts";
import { NO_MUTATIONS } from "../../../model/route.ts";
import type { Client } from "../client.ts";
import { refusedBackendName } from "../names.ts";
import { DEFAULT_RETRIES, retryPolicyOf } from "./retry-policy.ts";

/** For whom, and for which addressed port, rules become routes. */
export interface RouteContext {
  readonly client: Client;
  /** The port that the client addressed. */
  readonly port: number;
  /** What the service wants where its rules say nothing; left out: it wants nothing. */
  readonly traffic?: ServiceTraffic | undefined;
  /** The cluster that a backend means here; it may be one that does not exist. */
  clusterOf(backend: Pick<Backend, "host" | "port" | "subset">): string;
  /** What guards what a rule forwards; undefined: nothing of its own. */
  circuitOf(rule: HttpRule): CircuitBreaker | undefined;
}

const ANY_REQUEST: RouteMatch = {
  path: { kind: "prefix", value: "/", caseSensitive: true },
  headers: [],
  queryParameters: [],
};

/** Rules in their order as routes in Envoy's; what stands behind a match of all is left out. */
export function routesOf(decision: RouteDecision, context: RouteContext): readonly Route[] {
  const routes: Route[] = [];
  const dialect = decision.sets[0]?.dialect ?? "istio";
  for (const rule of decision.rules) {
    for (const match of matchesOf(rule, context)) {
      routes.push(routeOf(dialect, rule, match, context));
      if (matchesAll(match.request)) return routes;
    }
  }
  return routes;
}

/** Everything to one cluster, as Istio's routes named `default`. */
export function defaultRoute(cluster: string, origin: Origin | undefined): Route {
  return {
    name: "default",
    match: ANY_REQUEST,
    action: { ...forward([whole(cluster)]), retryPolicy: DEFAULT_RETRIES },
    requestHeaders: NO_MUTATIONS,
    responseHeaders: NO_MUTATIONS,
    filterConfigs: NO_FILTER_CONFIGS,
    origin,
  };
}

/** Everything to the service's own cluster, as its annotations say. */
export function serviceRoute(cluster: string, service: Service): Route {
  const route = defaultRoute(cluster, service.origin);
  const { retries, timeouts } = trafficOf(service, undefined);
  const times = timeouts && {
    timeoutMs: timeouts.responseMs,
    streamTimeoutMs: timeouts.streamMs,
    idleTimeoutMs: timeouts.idleMs,
  };
  const action = { ...forward([whole(cluster)]), retryPolicy: retryPolicyOf(retries) };
  return { ...route, action: times === undefined ? action : { ...action, ...timesOf(times) } };
}

/** Everything to one cluster, once: no retries, as Istio's `allow_any` and inbound routes. */
export function plainRoute(name: string, action: RouteAction, origin?: Origin): Route {
  return {
    name,
    match: ANY_REQUEST,
    action,
    requestHeaders: NO_MUTATIONS,
    responseHeaders: NO_MUTATIONS,
    filterConfigs: NO_FILTER_CONFIGS,
    origin,
  };
}

/** Without timeout and retries; a gRPC client's own `grpc-timeout` holds, as with Istio. */
export function forward(clusters: readonly WeightedCluster[]): ForwardAction {
  return {
    kind: "forward",
    clusters,
    timeoutMs: 0,
    idleTimeoutMs: undefined,
    retryPolicy: undefined,
    hashPolicies: [],
    mirrors: [],
    prefixRewrite: undefined,
    regexRewrite: undefined,
    hostRewrite: undefined,
    hostRewriteFrom: undefined,
    autoHostRewrite: false,
    appendForwardedHost: false,
    maxStreamDurationMs: undefined,
    grpcTimeoutHeaderMaxMs: undefined,
    grpcTimeoutMaxMs: 0,
    terminatesConnect: false,
    clusterNotFoundStatus: 503,
  };
}

export function whole(cluster: string): WeightedCluster {
  return {
    cluster,
    weight: 1,
    requestHeaders: NO_MUTATIONS,
    responseHeaders: NO_MUTATIONS,
    hostRewrite: "",
  };
}

/** The matches that can hold for this client and port; what they ask of it is then decided. */
function matchesOf(rule: HttpRule, context: RouteContext): readonly MatchAt[] {
  if (rule.matches.length === 0) return [{ request: ANY_REQUEST, origin: rule.origin }];
  return rule.matches.filter((match) => concerns(match, context));
}

type MatchAt = Pick<ScopedMatch, "request" | "origin">;

function concerns(match: ScopedMatch, { client, port }: RouteContext): boolean {
  if (match.port !== undefined && match.port !== port) return false;
  const { sourceNamespace, sourceLabels } = match;
  if (sourceNamespace !== undefined && sourceNamespace !== client.namespace) return false;
  return sourceLabels === undefined || matchesLabels(client.labels, sourceLabels);
}

/** True where no request gets past it. */
export function matchesAll({ path, headers, queryParameters }: RouteMatch): boolean {
  const anyPath = path.value === "/" && (path.kind === "prefix" || path.kind === "separatedPrefix");
  return anyPath && headers.length === 0 && queryParameters.length === 0;
}

function routeOf(
  dialect: RouteDialect,
  rule: HttpRule,
  match: MatchAt,
  context: RouteContext,
): Route {
  const { action: wanted } = rule;
  const action =
    wanted.kind === "split" ? split(dialect, wished(wanted, context), context) : wanted;
  const circuit = action.kind === "forward" ? context.circuitOf(rule) : undefined;
  return {
    name: rule.name,
    match: match.request,
    action,
    ...(circuit === undefined ? {} : { circuit }),
    requestHeaders: rule.requestHeaders,
    responseHeaders: rule.responseHeaders,
    filterConfigs: filterConfigsOf(rule),
    origin: rule.origin,
  };
}

function wished(action: SplitAction, { traffic }: RouteContext): SplitAction {
  return traffic === undefined ? action : withServiceTraffic(action, traffic);
}

function filterConfigsOf(rule: HttpRule): FilterConfigs {
  const { cors, fault } = rule;
  const said = { ...NO_FILTER_CONFIGS, cors, session: sessionOf(rule) };
  return fault === undefined ? said : { ...said, fault };
}

function sessionOf({ session }: HttpRule): FilterConfigs["session"] {
  return session && { kind: "statefulSession", state: session, strict: false };
}

function split(
  dialect: RouteDialect,
  action: SplitAction,
  context: RouteContext,
): ForwardAction | DirectResponseAction {
  const clusters = weightedClusters(dialect, action, context);
  if (clusters.length === 0) return { kind: "directResponse", status: 500, body: "" };
  return {
    ...forward(clusters),
    ...timesOf(action),
    retryPolicy: retryPolicyOf(action.retries),
    mirrors: action.mirrors.map((mirror) => ({
      cluster: context.clusterOf(mirror),
      fraction: mirror.fraction,
      // As Istio since 1.28; the Gateway API knows of no such suffix.
      shadowHost: false,
    })),
    prefixRewrite: action.prefixRewrite,
    regexRewrite: action.regexRewrite,
    hostRewrite: action.hostRewrite,
    clusterNotFoundStatus: refusalOf(action.backends),
  };
}

type Times = Pick<SplitAction, "timeoutMs" | "streamTimeoutMs" | "idleTimeoutMs">;

/** A gRPC call's own timeout is bounded by what bounds its stream, or its answer. */
function timesOf({
  timeoutMs,
  streamTimeoutMs,
  idleTimeoutMs,
}: Times): Pick<
  ForwardAction,
  | "timeoutMs"
  | "grpcTimeoutMaxMs"
  | "grpcTimeoutHeaderMaxMs"
  | "idleTimeoutMs"
  | "maxStreamDurationMs"
> {
  const byStream = streamTimeoutMs !== undefined;
  return {
    timeoutMs: timeoutMs ?? 0,
    grpcTimeoutMaxMs: byStream ? undefined : (timeoutMs ?? 0),
    grpcTimeoutHeaderMaxMs: streamTimeoutMs,
    idleTimeoutMs,
    maxStreamDurationMs: streamTimeoutMs,
  };
}

/** Envoy has one such answer a route: the dialect's own, where it refuses a backend. */
function refusalOf(backends: readonly Backend[]): ForwardAction["clusterNotFoundStatus"] {
  const refused = backends.find((backend) => backend.invalidStatus !== undefined);
  return refused?.invalidStatus ?? 503;
}

/** What Envoy takes as the sum of a route's weights. */
const WEIGHTS_MAX = 2 ** 32 - 1;

/** Backends of weight 0 are left out, but Istio's only destination gets everything. */
function weightedClusters(
  dialect: RouteDialect,
  action: SplitAction,
  context: RouteContext,
): readonly WeightedCluster[] {
  const { backends } = action;
  const only = backends.length === 1 && dialect === "istio";
  const total = backends.reduce((sum, { weight }) => sum + weight, 0);
  const scale = Math.max(1, total / (WEIGHTS_MAX - backends.length));
  return backends.flatMap((backend) => {
    const weight = only ? 1 : Math.ceil(backend.weight / scale);
    return weight === 0 ? [] : [weightedCluster(backend, weight, context)];
  });
}

function weightedCluster(backend: Backend, weight: number, context: RouteContext): WeightedCluster {
  const { invalidStatus, requestHeaders, responseHeaders, hostRewrite } = backend;
  const cluster =
    invalidStatus === undefined ? context.clusterOf(backend) : refusedBackendName(invalidStatus);
  return { cluster, weight, requestHeaders, responseHeaders, hostRewrite };
}
