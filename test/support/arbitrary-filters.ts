import fc from "fast-check";
import type { CorsPolicy } from "../../src/model/filter/cors.ts";
import type { HttpFault } from "../../src/model/filter/fault.ts";
import type { FilterConfigs } from "../../src/model/filter/filter-configs.ts";
import type { LimitRule } from "../../src/model/filter/limit-rule.ts";
import type { LocalRateLimit, TokenBucketSize } from "../../src/model/filter/local-rate-limit.ts";
import type { StatefulSession } from "../../src/model/filter/stateful-session.ts";
import type { QueryParameterMatch } from "../../src/model/route.ts";
import {
  few,
  fraction,
  headerMatch,
  headerName,
  ms,
  name,
  optional,
  positiveMs,
  someText,
  stringMatch,
  text,
  upTo3,
} from "./arbitrary-words.ts";

/** What HTTP filters are told, by listeners and by routes. */

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

export const queryParameter: fc.Arbitrary<QueryParameterMatch> = fc.record({
  name,
  value: optional(stringMatch),
});

const matched = { key: someText, value: someText, expectMatch: fc.boolean() };

export const limitRules: fc.Arbitrary<readonly LimitRule[]> = fc.array(
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

const asked = fc.constant({ kind: "headers" as const });

export const fault: fc.Arbitrary<HttpFault> = fc.record({
  delay: optional(
    fc.record({
      share: fraction,
      by: fc.oneof(fc.record({ kind: fc.constant("fixed" as const), ms: positiveMs }), asked),
    }),
  ),
  abort: optional(
    fc.record({
      share: fraction,
      by: fc.oneof(
        fc.record({
          kind: fc.constant("http" as const),
          status: fc.integer({ min: 200, max: 599 }),
        }),
        fc.record({ kind: fc.constant("grpc" as const), status: fc.nat(16) }),
        asked,
      ),
    }),
  ),
  upstreamCluster: text,
  headers: fc.array(headerMatch, upTo3),
  downstreamNodes: fc.array(text, upTo3),
  maxActiveFaults: optional(fc.nat(99)),
});

const jwt = fc.oneof(fc.constant("disabled" as const), fc.record({ requirement: name }));

export const filterConfigs: fc.Arbitrary<FilterConfigs> = fc
  .record({
    cors: optional(cors),
    rateLimit: optional(rateLimitOfRoute),
    session: optional(fc.oneof(session, fc.constant("disabled" as const))),
    fault: optional(fault),
    jwt: optional(jwt),
    limitRules: fc.constant([]),
    addsHostRules: fc.constant(false),
  })
  .map(({ fault: ofFault, jwt: ofJwt, ...others }) => ({
    ...others,
    ...(ofFault === undefined ? {} : { fault: ofFault }),
    ...(ofJwt === undefined ? {} : { jwt: ofJwt }),
  }));
