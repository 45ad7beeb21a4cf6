import fc from "fast-check";
import type { HashPolicy } from "../../src/model/balance/hash-policy.ts";
import type { CorsPolicy } from "../../src/model/filter/cors.ts";
import type { FilterConfigs } from "../../src/model/filter/filter-configs.ts";
import type { Fraction } from "../../src/model/filter/fraction.ts";
import type { LimitRule } from "../../src/model/filter/limit-rule.ts";
import type { LocalRateLimit, TokenBucketSize } from "../../src/model/filter/local-rate-limit.ts";
import type { StatefulSession } from "../../src/model/filter/stateful-session.ts";
import type { Origin } from "../../src/model/origin.ts";
import type {
  ForwardAction,
  HeaderMatch,
  HeaderMutations,
  HostRewriteSource,
  PathMatch,
  QueryParameterMatch,
  RedirectAction,
  RetryPolicy,
  Route,
  RouteConfiguration,
  StringMatch,
  VirtualHost,
} from "../../src/model/route.ts";
import { circuit } from "./arbitrary-circuit.ts";

/** Any legal route configuration, for round trips. Values are small; shapes are all there. */

export const name: fc.Arbitrary<string> = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
export const text: fc.Arbitrary<string> = fc.stringMatching(/^[A-Za-z0-9 /_.:-]{0,12}$/);
export const someText: fc.Arbitrary<string> = fc.stringMatching(/^[A-Za-z0-9/_.:-]{1,12}$/);
const path = fc.stringMatching(/^\/[a-z0-9/]{0,10}$/);
export const ms: fc.Arbitrary<number> = fc.integer({ min: 0, max: 100_000 });
export const positiveMs: fc.Arbitrary<number> = fc.integer({ min: 1, max: 100_000 });
export const port: fc.Arbitrary<number> = fc.integer({ min: 1, max: 65_535 });
export const few: { readonly minLength: 1; readonly maxLength: 3 } = { minLength: 1, maxLength: 3 };
export const upTo3: { readonly maxLength: 3 } = { maxLength: 3 };

export function optional<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(arbitrary, { nil: undefined });
}

export const origin: fc.Arbitrary<Origin> = fc.record({
  position: fc.record({ file: someText, line: fc.nat(999), column: fc.nat(99) }),
  kind: someText,
  namespace: text,
  name: someText,
  path: text,
});

export const fraction: fc.Arbitrary<Fraction> = fc.record({
  numerator: fc.nat(100),
  denominator: fc.constantFrom(100, 10_000, 1_000_000),
});

const headerName = fc.stringMatching(/^x-[a-z]{1,6}$/);

export const mutations: fc.Arbitrary<HeaderMutations> = fc.record({
  set: fc.array(
    fc.record({
      name: headerName,
      value: text,
      action: fc.constantFrom("append", "addIfAbsent", "overwrite", "overwriteIfExists"),
    }),
    upTo3,
  ),
  remove: fc.array(headerName, upTo3),
});

const both = { requestHeaders: mutations, responseHeaders: mutations };

export const stringMatch: fc.Arbitrary<StringMatch> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("exact", "prefix", "suffix", "contains"),
    value: someText,
    ignoreCase: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant("regex" as const),
    value: fc.constantFrom("a+b", "^/v[0-9]+$", ".*"),
    ignoreCase: fc.constant(false),
  }),
);

export const headerMatch: fc.Arbitrary<HeaderMatch> = fc.record({
  name: headerName,
  value: optional(stringMatch),
  invert: fc.boolean(),
  missingAsEmpty: fc.boolean(),
});

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

const retryPolicy: fc.Arbitrary<RetryPolicy> = fc
  .record({
    retryOn: fc.uniqueArray(
      fc.constantFrom("5xx", "reset", "connect-failure", "unavailable"),
      upTo3,
    ),
    retriableStatusCodes: fc.array(fc.integer({ min: 100, max: 599 }), upTo3),
    retriableHeaders: fc.array(headerMatch, upTo3),
    numRetries: fc.nat(9),
    perTryTimeoutMs: ms,
    backOffBaseMs: positiveMs,
    backOffMaxMs: ms,
    avoidPreviousHosts: fc.boolean(),
    hostSelectionAttempts: fc.integer({ min: 1, max: 9 }),
  })
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

const mutation = fc.record({
  name: headerName,
  value: text,
  action: fc.constantFrom("append" as const, "addIfAbsent" as const, "overwrite" as const),
});

export const bucket: fc.Arbitrary<TokenBucketSize> = fc.record({
  maxTokens: fc.integer({ min: 1, max: 4_294_967_295 }),
  tokensPerFill: fc.integer({ min: 1, max: 999 }),
  fillIntervalMs: fc.integer({ min: 50, max: 99_999 }),
});

function rateLimitWith(
  buckets: fc.Arbitrary<LocalRateLimit["bucket"]>,
): fc.Arbitrary<LocalRateLimit> {
  return fc.record({
    statPrefix: someText,
    status: fc.constantFrom(400, 429, 503),
    bucket: buckets,
    enabled: fraction,
    enforced: fraction,
    responseHeaders: fc.array(mutation, upTo3),
    requestHeaders: fc.array(mutation, upTo3),
    perConnection: fc.boolean(),
    descriptors: fc.uniqueArray(
      fc.record({
        entries: fc.array(fc.record({ key: someText, value: someText }), few),
        bucket,
      }),
      { ...upTo3, selector: ({ entries }) => JSON.stringify(entries) },
    ),
    bucketCountsAll: fc.boolean(),
    hostRules: fc.constantFrom("override", "include", "ignore"),
    rateLimitHeaders: fc.boolean(),
    resourceExhausted: fc.boolean(),
  });
}

export const rateLimit: fc.Arbitrary<LocalRateLimit> = rateLimitWith(optional(bucket));
const rateLimitOfRoute = rateLimitWith(bucket);

const cors: fc.Arbitrary<CorsPolicy> = fc.record({
  allowOrigins: fc.array(stringMatch, upTo3),
  allowMethods: text,
  allowHeaders: text,
  exposeHeaders: text,
  maxAge: fc.constantFrom("", "600"),
  allowCredentials: optional(fc.boolean()),
  allowPrivateNetworkAccess: optional(fc.boolean()),
  forwardNotMatchingPreflights: optional(fc.boolean()),
  enabled: optional(fraction),
  shadowEnabled: optional(fraction),
});

export const session: fc.Arbitrary<StatefulSession> = fc.record({
  kind: fc.constant("statefulSession" as const),
  state: optional(
    fc.oneof(
      fc.record({ kind: fc.constant("header" as const), name }),
      fc.record({ kind: fc.constant("cookie" as const), name, path: text, ttlMs: ms }),
    ),
  ),
  strict: fc.boolean(),
});

const queryParameter: fc.Arbitrary<QueryParameterMatch> = fc.record({
  name,
  value: optional(stringMatch),
});

const matched = { key: someText, value: someText, expectMatch: fc.boolean() };

const limitRules: fc.Arbitrary<readonly LimitRule[]> = fc.array(
  fc.record({
    actions: fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant("genericKey" as const), key: someText, value: someText }),
        fc.record({
          kind: fc.constant("requestHeader" as const),
          key: someText,
          header: name,
          skipIfAbsent: fc.boolean(),
        }),
        fc.constant({ kind: "remoteAddress" as const }),
        fc.record({
          kind: fc.constant("headerMatch" as const),
          ...matched,
          headers: fc.array(headerMatch, few),
        }),
        fc.record({
          kind: fc.constant("queryMatch" as const),
          ...matched,
          parameters: fc.array(queryParameter, few),
        }),
      ),
      few,
    ),
  }),
  upTo3,
);

const jwt = fc.oneof(fc.constant("disabled" as const), fc.record({ requirement: name }));

const filterConfigs: fc.Arbitrary<FilterConfigs> = fc
  .record({
    cors: optional(cors),
    rateLimit: optional(rateLimitOfRoute),
    session: optional(fc.oneof(session, fc.constant("disabled" as const))),
    jwt: optional(jwt),
    limitRules: fc.constant([]),
    addsHostRules: fc.constant(false),
  })
  .map(({ jwt: ofJwt, ...others }) => (ofJwt === undefined ? others : { ...others, jwt: ofJwt }));

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
