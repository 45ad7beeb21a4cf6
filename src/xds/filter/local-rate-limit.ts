import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type LocalRateLimitDescriptor as DescriptorMessage,
  VhRateLimitsOptions,
  XRateLimitHeadersRFCVersion,
} from "../../gen/envoy/extensions/common/ratelimit/v3/ratelimit_pb.js";
import {
  type LocalRateLimit as LimitMessage,
  LocalRateLimitSchema,
} from "../../gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.js";
import type { TokenBucket, TokenBucketSchema } from "../../gen/envoy/type/v3/token_bucket_pb.js";
import type { Fraction } from "../../model/filter/fraction.ts";
import type {
  LimitDescriptor,
  LocalRateLimit,
  TokenBucketSize,
} from "../../model/filter/local-rate-limit.ts";
import type { Place } from "../check/place.ts";
import { decodeRuntimeFraction, encodeRuntimeFraction } from "../message/fraction.ts";
import { decodeHeaderOptions, encodeHeaderOption } from "../message/header-mutation.ts";
import { durationMs, keyOf, toDuration } from "../message/scalar.ts";

/** In its place an error has been told. */
const NO_BUCKET: TokenBucketSize = { maxTokens: 1, tokensPerFill: 1, fillIntervalMs: 1000 };
const NONE: Fraction = { numerator: 0, denominator: 100 };
const TOO_MANY_REQUESTS = 429;
const ERROR_STATUS = 400;
/** Envoy takes no shorter interval. */
const FILL_INTERVAL_MS_MIN = 50;

const HOST_RULES: Readonly<Record<LocalRateLimit["hostRules"], VhRateLimitsOptions>> = {
  override: VhRateLimitsOptions.OVERRIDE,
  include: VhRateLimitsOptions.INCLUDE,
  ignore: VhRateLimitsOptions.IGNORE,
};

/** filters.http.local_ratelimit.v3.LocalRateLimit, of a filter or of a route. */
export function decodeLocalRateLimit(message: LimitMessage, place: Place): LocalRateLimit {
  const status = message.status?.code ?? TOO_MANY_REQUESTS;
  const { tokenBucket, filterEnabled, filterEnforced } = message;
  return {
    statPrefix: message.statPrefix,
    status: status < ERROR_STATUS ? TOO_MANY_REQUESTS : status,
    bucket: tokenBucket && decodeBucket(tokenBucket, place.field("token_bucket")),
    enabled: decodeRuntimeFraction(filterEnabled) ?? NONE,
    enforced: decodeRuntimeFraction(filterEnforced) ?? NONE,
    responseHeaders: decodeHeaderOptions(
      message.responseHeadersToAdd,
      place.field("response_headers_to_add"),
    ),
    requestHeaders: decodeHeaderOptions(
      message.requestHeadersToAddWhenNotEnforced,
      place.field("request_headers_to_add_when_not_enforced"),
    ),
    perConnection: message.localRateLimitPerDownstreamConnection,
    rateLimitHeaders:
      message.enableXRatelimitHeaders === XRateLimitHeadersRFCVersion.DRAFT_VERSION_03,
    descriptors: decodeDescriptors(message.descriptors, place.field("descriptors")),
    bucketCountsAll: message.alwaysConsumeDefaultTokenBucket ?? true,
    hostRules: keyOf(HOST_RULES, message.vhRateLimits) ?? "override",
    resourceExhausted: message.rateLimitedAsResourceExhausted,
  };
}

/** A route's own limit; as Envoy, without a bucket it would be none. */
export function decodeRouteLimit(message: LimitMessage, place: Place): LocalRateLimit {
  if (message.tokenBucket === undefined) place.field("token_bucket").refuse("is missing");
  return decodeLocalRateLimit(message, place);
}

function decodeDescriptors(
  messages: readonly DescriptorMessage[],
  place: Place,
): LimitDescriptor[] {
  const known = new Set<string>();
  return messages.map(({ entries, tokenBucket }, i) => {
    const at = place.item(i);
    const text = JSON.stringify(entries.map(({ key, value }) => [key, value]));
    if (known.has(text)) at.field("entries").refuse("stand twice", text);
    known.add(text);
    return {
      entries: entries.map(({ key, value }) => ({ key, value })),
      bucket:
        tokenBucket === undefined ? NO_BUCKET : decodeBucket(tokenBucket, at.field("token_bucket")),
    };
  });
}

export function decodeBucket(message: TokenBucket, place: Place): TokenBucketSize {
  const fillIntervalMs = durationMs(message.fillInterval);
  if (fillIntervalMs < FILL_INTERVAL_MS_MIN) {
    const allowed = `at least ${FILL_INTERVAL_MS_MIN}ms`;
    place.field("fill_interval").refuse("is too short", `${fillIntervalMs}ms`, allowed);
  }
  return {
    maxTokens: message.maxTokens,
    tokensPerFill: message.tokensPerFill ?? 1,
    fillIntervalMs,
  };
}

export function encodeBucket({
  fillIntervalMs,
  maxTokens,
  tokensPerFill,
}: TokenBucketSize): MessageInitShape<typeof TokenBucketSchema> {
  return { maxTokens, tokensPerFill, fillInterval: toDuration(fillIntervalMs) };
}

export function encodeLocalRateLimit(limit: LocalRateLimit): LimitMessage {
  const { bucket, descriptors } = limit;
  return create(LocalRateLimitSchema, {
    statPrefix: limit.statPrefix,
    status: { code: limit.status },
    ...(bucket === undefined ? {} : { tokenBucket: encodeBucket(bucket) }),
    descriptors: descriptors.map((one) => ({
      entries: one.entries.map(({ key, value }) => ({ key, value })),
      tokenBucket: encodeBucket(one.bucket),
    })),
    alwaysConsumeDefaultTokenBucket: limit.bucketCountsAll,
    vhRateLimits: HOST_RULES[limit.hostRules],
    filterEnabled: encodeRuntimeFraction(limit.enabled),
    filterEnforced: encodeRuntimeFraction(limit.enforced),
    responseHeadersToAdd: limit.responseHeaders.map(encodeHeaderOption),
    requestHeadersToAddWhenNotEnforced: limit.requestHeaders.map(encodeHeaderOption),
    localRateLimitPerDownstreamConnection: limit.perConnection,
    enableXRatelimitHeaders: limit.rateLimitHeaders
      ? XRateLimitHeadersRFCVersion.DRAFT_VERSION_03
      : XRateLimitHeadersRFCVersion.OFF,
    rateLimitedAsResourceExhausted: limit.resourceExhausted,
  });
}
