import fc from "fast-check";
import type { HashPolicy } from "../../src/model/balance/hash-policy.ts";
import type { FilterConfigs } from "../../src/model/filter/filter-configs.ts";
import type {
  ForwardAction,
  HostRewriteSource,
  PathMatch,
  RateLimitedBackOff,
  RedirectAction,
  RetryPolicy,
  Route,
  RouteConfiguration,
  VirtualHost,
} from "../../src/model/route.ts";
import { circuit } from "./arbitrary-circuit.ts";
import { filterConfigs, limitRules, queryParameter } from "./arbitrary-filters.ts";
import {
  few,
  fraction,
  headerMatch,
  headerName,
  ms,
  mutations,
  name,
  optional,
  origin,
  port,
  positiveMs,
  someText,
  text,
  upTo3,
} from "./arbitrary-words.ts";

/** Any legal route configuration, for round trips. Values are small; shapes are all there. */

const path = fc.stringMatching(/^\/[a-z0-9/]{0,10}$/);

const both = { requestHeaders: mutations, responseHeaders: mutations };

const pathMatch: fc.Arbitrary<PathMatch> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("prefix", "exact"),
    value: path,
    caseSensitive: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant("separatedPrefix" as const),
    value: fc.stringMatching(/^(\/[a-z0-9]{1,4}){1,3}$/),
    caseSensitive: fc.boolean(),
  }),
  fc.constant({ kind: "regex" as const, value: "/v[0-9]+/.*", caseSensitive: true }),
  fc.constant({ kind: "connect" as const, value: "", caseSensitive: true }),
);

const regexRewrite = fc.record({ pattern: fc.constant("^/(a|b)"), substitution: someText });

const rateLimitedBackOff: fc.Arbitrary<RateLimitedBackOff> = fc.record({
  resetHeaders: fc.array(
    fc.record({ name: headerName, format: fc.constantFrom("seconds", "unixTimestamp") }),
    few,
  ),
  maxIntervalMs: positiveMs,
});

/** What few policies have is left out of the others. */
const rarer = {
  retriableRequestHeaders: fc.array(headerMatch, few),
  perTryIdleTimeoutMs: positiveMs,
  rateLimitedBackOff,
};

const always = {
  retryOn: fc.uniqueArray(fc.constantFrom("5xx", "reset", "connect-failure", "unavailable"), upTo3),
  retriableStatusCodes: fc.array(fc.integer({ min: 100, max: 599 }), upTo3),
  retriableHeaders: fc.array(headerMatch, upTo3),
  numRetries: fc.nat(9),
  perTryTimeoutMs: ms,
  backOffBaseMs: positiveMs,
  backOffMaxMs: ms,
  avoidPreviousHosts: fc.boolean(),
  hostSelectionAttempts: fc.integer({ min: 1, max: 9 }),
};

const hedgePolicy = fc.record({ hedgeOnPerTryTimeout: fc.boolean() });

const retryPolicy: fc.Arbitrary<RetryPolicy> = fc
  .tuple(fc.record(always), fc.record(rarer, { requiredKeys: [] }))
  .map(([usual, rare]) => ({ ...usual, ...rare }))
  .map((policy) => ({ ...policy, backOffMaxMs: policy.backOffBaseMs + policy.backOffMaxMs }));

const weightedCluster = fc.record({
  cluster: name,
  weight: fc.integer({ min: 1, max: 100 }),
  ...both,
  hostRewrite: fc.constantFrom("", "reviews.example"),
});

/** A split of one without settings of its own is a `cluster`, whose weight is 1. */
const clusters = fc
  .array(weightedCluster, few)
  .map((list) => (list.length === 1 ? list.map((one) => ({ ...one, weight: 1 })) : list));

const terminal = fc.boolean();

const hostSource: fc.Arbitrary<HostRewriteSource> = fc.oneof(
  fc.record({ kind: fc.constant("header" as const), name: headerName }),
  fc.record({ kind: fc.constant("path" as const), regex: regexRewrite }),
);

const hashPolicies: fc.Arbitrary<readonly HashPolicy[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant("header" as const),
      name,
      rewrite: optional(regexRewrite),
      terminal,
    }),
    fc.record({
      kind: fc.constant("cookie" as const),
      name,
      ttlMs: optional(fc.nat(100_000)),
      path: text,
      attributes: fc.array(fc.record({ name, value: text }), upTo3),
      terminal,
    }),
    fc.record({ kind: fc.constant("sourceIp" as const), terminal }),
    fc.record({ kind: fc.constant("queryParameter" as const), name, terminal }),
  ),
  upTo3,
);

const forward: fc.Arbitrary<ForwardAction> = fc
  .record({
    kind: fc.constant("forward" as const),
    clusters,
    timeoutMs: ms,
    idleTimeoutMs: optional(ms),
    retryPolicy: optional(retryPolicy),
    hedgePolicy: optional(hedgePolicy),
    hashPolicies,
    prefixRewrite: optional(path),
    regexRewrite: optional(regexRewrite),
    hostRewrite: optional(name),
    autoHostRewrite: fc.boolean(),
    appendForwardedHost: fc.boolean(),
    hostRewriteFrom: optional(hostSource),
    maxStreamDurationMs: optional(fc.oneof(ms, fc.constant("inherited" as const))),
    grpcTimeoutHeaderMaxMs: optional(ms),
    grpcTimeoutMaxMs: optional(ms),
    terminatesConnect: fc.boolean(),
    clusterNotFoundStatus: fc.constantFrom(404, 500, 503),
    mirrors: fc.array(
      fc.record({ cluster: name, fraction: optional(fraction), shadowHost: fc.boolean() }),
      upTo3,
    ),
  })
  .map((action) =>
    action.prefixRewrite === undefined ? action : { ...action, regexRewrite: undefined },
  )
  // Beside max_stream_duration the older way of saying it is refused.
  .map((action) =>
    action.maxStreamDurationMs === undefined
      ? { ...action, grpcTimeoutHeaderMaxMs: undefined }
      : { ...action, grpcTimeoutMaxMs: undefined },
  )
  .map((action) =>
    action.hostRewriteFrom === undefined ? action : { ...action, hostRewrite: undefined },
  )
  .map((action) =>
    action.autoHostRewrite
      ? { ...action, hostRewrite: undefined, hostRewriteFrom: undefined }
      : action,
  );

const redirect: fc.Arbitrary<RedirectAction> = fc
  .record({
    kind: fc.constant("redirect" as const),
    host: optional(name),
    port: optional(port),
    scheme: optional(fc.constantFrom("http", "https")),
    rewrite: fc.constantFrom("none", "path", "prefix", "regex"),
    status: fc.constantFrom(301, 302, 303, 307, 308),
    stripQuery: fc.boolean(),
  })
  .map(({ rewrite, ...action }) => ({
    ...action,
    path: rewrite === "path" ? "/elsewhere?a=b" : undefined,
    prefixRewrite: rewrite === "prefix" ? "/new" : undefined,
    regexRewrite: rewrite === "regex" ? { pattern: "a", substitution: "b" } : undefined,
  }));

const directResponse = fc.record({
  kind: fc.constant("directResponse" as const),
  status: fc.integer({ min: 200, max: 599 }),
  body: text,
});

/** Only what forwards describes its requests, and may have a circuit. */
function describedIfForwarded([one, limits, guard]: [
  Route,
  Pick<FilterConfigs, "limitRules" | "addsHostRules">,
  Route["circuit"],
]): Route {
  if (one.action.kind !== "forward") return one;
  return { ...one, filterConfigs: { ...one.filterConfigs, ...limits }, circuit: guard };
}

const undescribedRoute: fc.Arbitrary<Route> = fc.record({
  name: text,
  match: fc.record({
    path: pathMatch,
    headers: fc.array(headerMatch, upTo3),
    queryParameters: fc.array(queryParameter, upTo3),
  }),
  action: fc.oneof(forward, redirect, directResponse),
  ...both,
  filterConfigs,
  origin: optional(origin),
});

const route = fc
  .tuple(
    undescribedRoute,
    fc.record({ limitRules, addsHostRules: fc.boolean() }),
    optional(circuit),
  )
  .map(describedIfForwarded);

const virtualHost: fc.Arbitrary<VirtualHost> = fc.record({
  name,
  domains: fc.uniqueArray(fc.stringMatching(/^(\*\.)?[a-z]{1,5}\.(com|net)$/), few),
  routes: fc.array(route, upTo3),
  ...both,
  retryPolicy: optional(retryPolicy),
  hedgePolicy: optional(hedgePolicy),
  includeRequestAttemptCount: fc.boolean(),
  includeAttemptCountInResponse: fc.boolean(),
  filterConfigs: fc
    .tuple(filterConfigs, limitRules)
    .map(([configs, rules]) => ({ ...configs, limitRules: rules })),
});

/** No domain stands in two virtual hosts. */
function apart(hosts: readonly VirtualHost[]): VirtualHost[] {
  return hosts.map((host, index) => ({
    ...host,
    name: `${host.name}-${index}`,
    domains: host.domains.map((domain) => `${domain}.v${index}`),
  }));
}

export const routeConfiguration: fc.Arbitrary<RouteConfiguration> = fc.record({
  name,
  virtualHosts: fc.array(virtualHost, upTo3).map(apart),
  ignorePortInHostMatching: fc.boolean(),
  ...both,
  maxDirectResponseBodyBytes: fc.integer({ min: 100, max: 9999 }),
  filterConfigs,
});
