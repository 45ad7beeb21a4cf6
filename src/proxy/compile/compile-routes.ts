import type { FilterConfigs } from "../../model/filter/filter-configs.ts";
import {
  type ForwardAction,
  type HeaderMutations,
  NO_MUTATIONS,
  type RedirectAction,
  type Route,
  type RouteConfiguration,
  type VirtualHost,
} from "../../model/route.ts";
import { RequestHash } from "../affinity/request-hash.ts";
import { CompiledSession } from "../affinity/session-filter.ts";
import type { Circuits } from "../circuit/circuits.ts";
import type { ClusterSlot } from "../cluster/cluster-slot.ts";
import { CompiledCors } from "../filters/cors/compiled-cors.ts";
import { CompiledFault } from "../filters/fault/compiled-fault.ts";
import type { CompiledRateLimit } from "../filters/rate-limit/compiled-rate-limit.ts";
import type { RateLimits } from "../filters/rate-limit/rate-limits.ts";
import {
  CompiledLimitRule,
  type RouteLimitRules,
} from "../filters/rate-limit/request-descriptors.ts";
import { routeRbacOf } from "../filters/rbac/compiled-rbac.ts";
import { compileRetry } from "../retry/compiled-retry.ts";
import type {
  CompiledAction,
  CompiledForward,
  CompiledRedirect,
  CompiledRoute,
  Target,
} from "../route/compiled-route.ts";
import { mutatorsOf } from "../route/header-mutator.ts";
import { HostRewrite, PathRewrite } from "../route/rewrite.ts";
import { RouteMatcher } from "../route/route-matcher.ts";
import {
  type CompiledVirtualHost,
  RouteTable,
  type WildcardDomains,
} from "../route/route-table.ts";
import { RouteIndex } from "../route/search/route-index.ts";

/** More are found by an index. */
const ROUTES_IN_ORDER_MAX = 4;

/** Where a cluster's name leads. */
export type SlotOf = (cluster: string) => ClusterSlot;

/** What routes are made of, beside what they say. */
export interface RouteParts {
  readonly slotOf: SlotOf;
  readonly rateLimits: RateLimits;
  /** Left out: no route has one. */
  readonly circuits?: Circuits;
}

/** Makes a route configuration ready to be asked. Throws where a regex or template is invalid. */
export function compileRoutes(config: RouteConfiguration, parts: RouteParts): RouteTable {
  const exact = new Map<string, CompiledVirtualHost>();
  const suffixes = new Map<string, CompiledVirtualHost>();
  const prefixes = new Map<string, CompiledVirtualHost>();
  let any: CompiledVirtualHost | undefined;
  for (const virtualHost of config.virtualHosts) {
    const compiled = compileVirtualHost(config, virtualHost, parts);
    for (const domain of virtualHost.domains.map((each) => each.toLowerCase())) {
      if (domain === "*") any ??= compiled;
      else if (domain.startsWith("*")) addFirst(suffixes, domain.slice(1), compiled);
      else if (domain.endsWith("*")) addFirst(prefixes, domain.slice(0, -1), compiled);
      else addFirst(exact, domain, compiled);
    }
  }
  return new RouteTable({
    name: config.name,
    ignorePort: config.ignorePortInHostMatching,
    exact,
    suffixes: byLength(suffixes),
    prefixes: byLength(prefixes),
    any,
  });
}

function addFirst(
  hosts: Map<string, CompiledVirtualHost>,
  domain: string,
  host: CompiledVirtualHost,
): void {
  if (!hosts.has(domain)) hosts.set(domain, host);
}

function byLength(hosts: ReadonlyMap<string, CompiledVirtualHost>): WildcardDomains {
  const lengths = new Set([...hosts.keys()].map((domain) => domain.length));
  return { hosts, lengths: [...lengths].sort((a, b) => b - a) };
}

function compileVirtualHost(
  config: RouteConfiguration,
  virtualHost: VirtualHost,
  parts: RouteParts,
): CompiledVirtualHost {
  const routes = virtualHost.routes.map((route) => compileRoute(config, virtualHost, route, parts));
  const matches = virtualHost.routes.map(({ match }) => match);
  const many = routes.length > ROUTES_IN_ORDER_MAX;
  return {
    name: virtualHost.name,
    routes,
    index: many ? new RouteIndex(routes, matches) : undefined,
  };
}

function compileRoute(
  config: RouteConfiguration,
  virtualHost: VirtualHost,
  route: Route,
  parts: RouteParts,
): CompiledRoute {
  const levels = (of: "requestHeaders" | "responseHeaders"): readonly HeaderMutations[] => [
    route[of],
    virtualHost[of],
    config[of],
  ];
  const filterLevels = [route.filterConfigs, virtualHost.filterConfigs, config.filterConfigs];
  return {
    name: route.name,
    matcher: new RouteMatcher(route.match),
    action: compileAction(route, virtualHost, parts.slotOf),
    requestHeaders: mutatorsOf(levels("requestHeaders")),
    responseHeaders: mutatorsOf(levels("responseHeaders")),
    attemptCountInRequest: virtualHost.includeRequestAttemptCount,
    attemptCountInResponse: virtualHost.includeAttemptCountInResponse,
    session: sessionOf(filterLevels),
    extAuthz: filterLevels.find(({ extAuthz }) => extAuthz !== undefined)?.extAuthz,
    fault: faultOf(filterLevels),
    jwt: filterLevels.find(({ jwt }) => jwt !== undefined)?.jwt,
    circuit: parts.circuits?.of(route),
    // Envoy's filter leaves routes alone that answer themselves.
    cors: route.action.kind !== "forward" ? undefined : corsOf(filterLevels),
    rateLimit: limitOf(filterLevels, parts),
    rbac: routeRbacOf(filterLevels),
    limitRules: limitRulesOf(route, virtualHost),
  };
}

/** The level that is next to the route decides alone. */
function sessionOf(levels: readonly FilterConfigs[]): CompiledSession | undefined {
  const nearest = levels.find(({ session }) => session !== undefined)?.session;
  return nearest === undefined ? undefined : new CompiledSession(nearest);
}

/** Likewise. */
function faultOf(levels: readonly FilterConfigs[]): CompiledFault | undefined {
  const nearest = levels.find(({ fault }) => fault !== undefined)?.fault;
  return nearest === undefined ? undefined : new CompiledFault(nearest);
}

/** Likewise. */
function limitOf(
  levels: readonly FilterConfigs[],
  { rateLimits }: RouteParts,
): CompiledRateLimit | undefined {
  const nearest = levels.find(({ rateLimit }) => rateLimit !== undefined)?.rateLimit;
  return nearest === undefined ? undefined : rateLimits.of(nearest);
}

/** Envoy describes only what is forwarded. */
function limitRulesOf(
  { action, filterConfigs }: Route,
  { filterConfigs: ofHost }: VirtualHost,
): RouteLimitRules | undefined {
  const { addsHostRules: addsHost, limitRules } = filterConfigs;
  if (action.kind !== "forward" || limitRules.length + ofHost.limitRules.length === 0) {
    return undefined;
  }
  const own = limitRules.map((rule) => new CompiledLimitRule(rule));
  const host = ofHost.limitRules.map((rule) => new CompiledLimitRule(rule));
  return { own, host, addsHost };
}

/** `levels`: from the route outwards. */
function corsOf(levels: readonly FilterConfigs[]): CompiledCors | undefined {
  const policies = levels.flatMap(({ cors }) => cors ?? []);
  return policies.length === 0 ? undefined : new CompiledCors(policies);
}

function compileAction(route: Route, virtualHost: VirtualHost, slotOf: SlotOf): CompiledAction {
  const { action } = route;
  if (action.kind === "forward") return compileForward(route, action, virtualHost, slotOf);
  if (action.kind === "redirect") return compileRedirect(route, action);
  return { kind: "directResponse", status: action.status, body: action.body };
}

function compileForward(
  route: Route,
  action: ForwardAction,
  virtualHost: VirtualHost,
  slotOf: SlotOf,
): CompiledForward {
  let weight = 0;
  const targets: Target[] = [];
  for (const split of action.clusters) {
    weight += split.weight;
    targets.push({
      slot: slotOf(split.cluster),
      upTo: weight,
      requestHeaders: mutatorsOf([split.requestHeaders ?? NO_MUTATIONS]),
      responseHeaders: mutatorsOf([split.responseHeaders ?? NO_MUTATIONS]),
      hostRewrite: split.hostRewrite,
    });
  }
  const policy = action.retryPolicy ?? virtualHost.retryPolicy;
  return {
    kind: "forward",
    targets,
    weight,
    timeoutMs: boundsStream(action) ? 0 : action.timeoutMs,
    maxStreamDurationMs: durationOf(action),
    announcesDuration: boundsStream(action),
    grpcTimeoutHeaderMaxMs: action.grpcTimeoutHeaderMaxMs,
    grpcTimeoutMaxMs: boundsStream(action) ? undefined : action.grpcTimeoutMaxMs,
    idleTimeoutMs: action.idleTimeoutMs,
    retry: policy === undefined ? undefined : compileRetry(policy),
    hedges: (action.hedgePolicy ?? virtualHost.hedgePolicy)?.hedgeOnPerTryTimeout === true,
    hash: action.hashPolicies.length === 0 ? undefined : new RequestHash(action.hashPolicies),
    rewrite: rewriteOf(route, action),
    hostRewrite: action.hostRewrite,
    hostRewriteFrom:
      action.hostRewriteFrom === undefined ? undefined : new HostRewrite(action.hostRewriteFrom),
    autoHostRewrite: action.autoHostRewrite,
    appendForwardedHost: action.appendForwardedHost,
    terminatesConnect: action.terminatesConnect,
    mirrors: action.mirrors.map(({ cluster, fraction, shadowHost }) => ({
      slot: slotOf(cluster),
      fraction,
      shadowHost,
    })),
    clusterNotFoundStatus: action.clusterNotFoundStatus,
  };
}

/** Envoy's `max_stream_duration` takes the place of the route's timeouts. */
function boundsStream({ maxStreamDurationMs }: ForwardAction): boolean {
  return maxStreamDurationMs !== undefined;
}

/** Undefined: the listener's. */
function durationOf({ maxStreamDurationMs: ms }: ForwardAction): number | undefined {
  return ms === "inherited" ? undefined : ms;
}

function compileRedirect(route: Route, action: RedirectAction): CompiledRedirect {
  const { host, path, port, scheme, status, stripQuery } = action;
  const rewrite = rewriteOf(route, action);
  return { kind: "redirect", host, port, scheme, path, rewrite, status, stripQuery };
}

function rewriteOf(
  route: Route,
  { prefixRewrite, regexRewrite }: ForwardAction | RedirectAction,
): PathRewrite | undefined {
  const rewrite = new PathRewrite(route.match.path, prefixRewrite, regexRewrite);
  return rewrite.active ? rewrite : undefined;
}
