import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type Route as RouteMessage,
  RouteSchema,
  type VirtualHost as VirtualHostMessage,
  VirtualHostSchema,
} from "../gen/envoy/config/route/v3/route_components_pb.js";
import {
  type RouteConfiguration as RouteConfigurationMessage,
  RouteConfigurationSchema,
} from "../gen/envoy/config/route/v3/route_pb.js";
import type { FilterConfigs } from "../model/filter/filter-configs.ts";
import type { Route, RouteConfiguration, VirtualHost } from "../model/route.ts";
import type { Place } from "./check/place.ts";
import { decodeFilterConfigs, encodeFilterConfigs } from "./filter/filter-configs.ts";
import { decodeLimitRules, encodeLimitRule } from "./filter/limit-rules.ts";
import { encodeSessionTimes, withSessionTimes } from "./filter/session-times.ts";
import type { EncodeFor } from "./message/flavor.ts";
import { decodeMutations, encodeMutations } from "./message/header-mutation.ts";
import { decodeOrigin, encodeOurs, type OurExtensions } from "./message/metadata.ts";
import { decodeMirrors, mirroredAs } from "./network/mirror-policy.ts";
import {
  decodeHedgePolicy,
  decodeRetryPolicy,
  encodeHedgePolicy,
  encodeRetryPolicy,
} from "./network/retry-policy.ts";
import { decodeAction, encodeAction } from "./network/route-action.ts";
import { decodeRouteMatch, encodeRouteMatch } from "./network/route-match.ts";
import { CIRCUIT_METADATA, decodeCircuit, encodeCircuit } from "./resilience/circuit.ts";

/** Envoy's `max_direct_response_body_size_bytes` where it is not set. */
const DIRECT_RESPONSE_BYTES = 4096;

/** route.v3.RouteConfiguration, from RDS or inside a listener. */
export function decodeRoutes(message: RouteConfigurationMessage, place: Place): RouteConfiguration {
  const hosts = place.field("virtual_hosts");
  const mirrors = decodeMirrors(
    message.requestMirrorPolicies,
    place.field("request_mirror_policies"),
  );
  const virtualHosts = message.virtualHosts.map((host, i) => {
    const decoded = decodeHost(host, hosts.item(i));
    return { ...decoded, routes: mirroredAs(mirrors, decoded.routes) };
  });
  refuseDuplicates(virtualHosts, hosts);
  const routes: RouteConfiguration = {
    name: message.name,
    virtualHosts,
    ignorePortInHostMatching: message.ignorePortInHostMatching,
    ...decodeMutations(message, place),
    maxDirectResponseBodyBytes: message.maxDirectResponseBodySizeBytes ?? DIRECT_RESPONSE_BYTES,
    filterConfigs: decodeSaidToFilters(message, place),
  };
  refuseLongBodies(routes, hosts);
  return routes;
}

/** A domain belongs to one virtual host, and a virtual host's name is its own (as Envoy says). */
function refuseDuplicates(virtualHosts: readonly VirtualHost[], place: Place): void {
  const names = new Set<string>();
  const domains = new Set<string>();
  virtualHosts.forEach((host, i) => {
    if (names.has(host.name)) place.item(i).field("name").refuse("stands twice", host.name);
    names.add(host.name);
    host.domains.forEach((domain, j) => {
      const lowered = domain.toLowerCase();
      if (domains.has(lowered)) {
        place.item(i).field("domains").item(j).refuse("stands twice", domain);
      }
      domains.add(lowered);
    });
  });
}

function refuseLongBodies(routes: RouteConfiguration, place: Place): void {
  const max = routes.maxDirectResponseBodyBytes;
  routes.virtualHosts.forEach((host, i) => {
    host.routes.forEach(({ action }, j) => {
      if (action.kind !== "directResponse") return;
      const bytes = Buffer.byteLength(action.body);
      if (bytes <= max) return;
      const body = place.item(i).field("routes").item(j).field("direct_response").field("body");
      body.refuse("is too long", `${bytes} bytes`, `at most ${max}`);
    });
  });
}

function decodeHost(message: VirtualHostMessage, place: Place): VirtualHost {
  const routes = place.field("routes");
  const domains = place.field("domains");
  for (const [i, domain] of message.domains.entries()) refuseBadDomain(domain, domains.item(i));
  return {
    name: message.name,
    domains: message.domains,
    routes: mirroredAs(
      decodeMirrors(message.requestMirrorPolicies, place.field("request_mirror_policies")),
      message.routes.map((route, i) => decodeRoute(route, routes.item(i))),
    ),
    ...decodeMutations(message, place),
    retryPolicy: decodeRetryPolicy(message.retryPolicy, place.field("retry_policy")),
    hedgePolicy: decodeHedgePolicy(message.hedgePolicy),
    includeRequestAttemptCount: message.includeRequestAttemptCount,
    includeAttemptCountInResponse: message.includeAttemptCountInResponse,
    filterConfigs: {
      ...decodeSaidToFilters(message, place),
      limitRules: decodeLimitRules(message.rateLimits, place.field("rate_limits")),
    },
  };
}

function refuseBadDomain(domain: string, place: Place): void {
  const inside = domain === "*" ? -1 : domain.slice(1, -1).indexOf("*");
  const bothEnds = domain.length > 1 && domain.startsWith("*") && domain.endsWith("*");
  if (inside < 0 && !bothEnds && domain !== "") return;
  place.refuse("is no domain", domain, "a name, *, *.suffix or prefix.*");
}

function decodeSaidToFilters(
  message: RouteConfigurationMessage | VirtualHostMessage | RouteMessage,
  place: Place,
): FilterConfigs {
  return decodeFilterConfigs(message.typedPerFilterConfig, place.field("typed_per_filter_config"));
}

function decodeRoute(message: RouteMessage, place: Place): Route {
  return {
    name: message.name,
    match: decodeRouteMatch(message.match, place.field("match")),
    action: decodeAction(message.action, place),
    ...decodeMutations(message, place),
    filterConfigs: decodeRouteFilters(message, place),
    ...decodeRouteCircuit(message, place),
    origin: decodeOrigin(message.metadata),
  };
}

function decodeRouteFilters(message: RouteMessage, place: Place): FilterConfigs {
  const said = decodeSaidToFilters(message, place);
  const session = withSessionTimes(said.session, message.metadata, place);
  return { ...said, session, ...decodeLimits(message, place) };
}

/** Of a route that forwards: nothing else calls anybody. */
function decodeRouteCircuit(message: RouteMessage, place: Place): Pick<Route, "circuit"> {
  const decoded = decodeCircuit(message.metadata, place);
  if (decoded.circuit !== undefined && message.action.case !== "route") {
    const at = place.field("metadata").field("filter_metadata").field(CIRCUIT_METADATA);
    at.refuse("is for routes that forward", message.action.case, "route");
  }
  return decoded;
}

/** What a route that forwards says to rate limits. */
function decodeLimits(
  { action }: RouteMessage,
  place: Place,
): Pick<FilterConfigs, "limitRules" | "addsHostRules"> {
  if (action.case !== "route") return { limitRules: [], addsHostRules: false };
  const { includeVhRateLimits: addsHostRules = false, rateLimits } = action.value;
  const at = place.field("route").field("rate_limits");
  return { limitRules: decodeLimitRules(rateLimits, at), addsHostRules };
}

export function encodeRoutes(
  routes: RouteConfiguration,
  target: EncodeFor,
): RouteConfigurationMessage {
  return create(RouteConfigurationSchema, {
    name: routes.name,
    virtualHosts: routes.virtualHosts.map((host) => encodeHost(host, target)),
    ignorePortInHostMatching: routes.ignorePortInHostMatching,
    ...encodeMutations(routes),
    maxDirectResponseBodySizeBytes: routes.maxDirectResponseBodyBytes,
    // Routes and clusters change in separate messages: a cluster may come a moment later.
    validateClusters: false,
    typedPerFilterConfig: encodeFilterConfigs(routes.filterConfigs),
  });
}

function encodeHost(host: VirtualHost, target: EncodeFor): VirtualHostMessage {
  const init: MessageInitShape<typeof VirtualHostSchema> = {
    name: host.name,
    domains: [...host.domains],
    routes: host.routes.map((route) => encodeRoute(route, target)),
    ...encodeMutations(host),
    includeRequestAttemptCount: host.includeRequestAttemptCount,
    includeAttemptCountInResponse: host.includeAttemptCountInResponse,
    typedPerFilterConfig: encodeFilterConfigs(host.filterConfigs),
    rateLimits: host.filterConfigs.limitRules.map(encodeLimitRule),
  };
  const retries = encodeRetryPolicy(host.retryPolicy);
  if (retries !== undefined) init.retryPolicy = retries;
  const hedging = encodeHedgePolicy(host.hedgePolicy);
  if (hedging !== undefined) init.hedgePolicy = hedging;
  return create(VirtualHostSchema, init);
}

/** What only our own proxies execute. */
function encodeOwn({ circuit, filterConfigs }: Route): OurExtensions {
  return { ...encodeCircuit(circuit), ...encodeSessionTimes(filterConfigs.session) };
}

function encodeRoute(route: Route, target: EncodeFor): RouteMessage {
  const isOurs = target === "outrigger";
  const metadata = isOurs ? encodeOurs(route.origin, {}, encodeOwn(route)) : undefined;
  const action = encodeAction(route.action);
  if (action.case === "route") {
    const { addsHostRules, limitRules } = route.filterConfigs;
    action.value.rateLimits = limitRules.map(encodeLimitRule);
    action.value.includeVhRateLimits = addsHostRules;
  }
  return create(RouteSchema, {
    name: route.name,
    match: encodeRouteMatch(route.match),
    action,
    ...encodeMutations(route),
    typedPerFilterConfig: encodeFilterConfigs(route.filterConfigs),
    ...(metadata === undefined ? {} : { metadata }),
  });
}
