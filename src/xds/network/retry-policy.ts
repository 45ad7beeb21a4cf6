import { create } from "@bufbuild/protobuf";
import { FIELD_NAME } from "../../base/grammar/field-name.ts";
import {
  type HedgePolicy as HedgePolicyMessage,
  HedgePolicySchema,
  RetryPolicy_ResetHeaderFormat as ResetHeaderFormat,
  type RetryPolicy_ResetHeader as ResetHeaderMessage,
  type RetryPolicy as RetryPolicyMessage,
  RetryPolicySchema,
} from "../../gen/envoy/config/route/v3/route_components_pb.js";
import { PreviousHostsPredicateSchema } from "../../gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js";
import type { HedgePolicy, RateLimitedBackOff, RetryPolicy } from "../../model/route.ts";
import type { Place } from "../check/place.ts";
import { packEmpty, typeNameOf } from "../message/any.ts";
import { durationMs, durationOr, toDuration } from "../message/scalar.ts";
import { decodeHeaderMatch, encodeHeaderMatch } from "./route-match.ts";

/** Envoy's default; longer waits are not waited for. */
const RESET_INTERVAL_MAX_MS = 300_000;

const PREVIOUS_HOSTS = "envoy.retry_host_predicates.previous_hosts";

/** Envoy's `retry_on` words, those of HTTP and those of gRPC. */
const RETRY_ON = new Set([
  "5xx",
  "gateway-error",
  "reset",
  "reset-before-request",
  "connect-failure",
  "envoy-ratelimited",
  "retriable-4xx",
  "refused-stream",
  "retriable-status-codes",
  "retriable-headers",
  "cancelled",
  "deadline-exceeded",
  "internal",
  "resource-exhausted",
  "unavailable",
]);

/** Cannot come true without HTTP/3, and does no harm. */
const HTTP3_ONLY = "http3-post-connect-failure";

/** route.v3.RetryPolicy with Envoy's defaults: one retry, back-off from 25 ms. */
export function decodeRetryPolicy(
  message: RetryPolicyMessage | undefined,
  place: Place,
): RetryPolicy | undefined {
  if (message === undefined) return undefined;
  const headers = place.field("retriable_headers");
  return {
    retryOn: decodeRetryOn(message.retryOn, place.field("retry_on")),
    retriableStatusCodes: message.retriableStatusCodes,
    retriableHeaders: message.retriableHeaders.map((match, i) =>
      decodeHeaderMatch(match, headers.item(i)),
    ),
    numRetries: message.numRetries ?? 1,
    perTryTimeoutMs: durationMs(message.perTryTimeout),
    ...decodeBackOff(message.retryBackOff, place.field("retry_back_off")),
    avoidPreviousHosts: avoidsPreviousHosts(message, place),
    hostSelectionAttempts: Math.max(1, Number(message.hostSelectionRetryMaxAttempts)),
    ...decodeRarer(message, place),
  };
}

function decodeBackOff(
  message: RetryPolicyMessage["retryBackOff"],
  place: Place,
): Pick<RetryPolicy, "backOffBaseMs" | "backOffMaxMs"> {
  if (message !== undefined && message.baseInterval === undefined) {
    place.field("base_interval").refuse("is missing");
  }
  const backOffBaseMs = durationOr(message?.baseInterval, 25);
  const backOffMaxMs = durationOr(message?.maxInterval, backOffBaseMs * 10);
  if (message !== undefined && backOffBaseMs <= 0) {
    place.field("base_interval").refuse("is no interval", `${backOffBaseMs}ms`, "above 0");
  }
  if (backOffMaxMs < backOffBaseMs) {
    const allowed = `at least ${backOffBaseMs}ms`;
    place.field("max_interval").refuse("is below base_interval", `${backOffMaxMs}ms`, allowed);
  }
  return { backOffBaseMs, backOffMaxMs };
}

/** What few policies have is left out of the others. */
function decodeRarer(
  message: RetryPolicyMessage,
  place: Place,
): Pick<RetryPolicy, "retriableRequestHeaders" | "perTryIdleTimeoutMs" | "rateLimitedBackOff"> {
  const { perTryIdleTimeout, rateLimitedRetryBackOff: rateLimited } = message;
  const headers = place.field("retriable_request_headers");
  const matches = message.retriableRequestHeaders.map((match, i) =>
    decodeHeaderMatch(match, headers.item(i)),
  );
  const perTryIdleTimeoutMs = durationMs(perTryIdleTimeout);
  const at = place.field("rate_limited_retry_back_off");
  return {
    ...(matches.length > 0 ? { retriableRequestHeaders: matches } : {}),
    ...(perTryIdleTimeoutMs > 0 ? { perTryIdleTimeoutMs } : {}),
    ...(rateLimited === undefined
      ? {}
      : { rateLimitedBackOff: decodeRateLimited(rateLimited, at) }),
  };
}

function decodeRateLimited(
  message: NonNullable<RetryPolicyMessage["rateLimitedRetryBackOff"]>,
  place: Place,
): RateLimitedBackOff {
  const headers = place.field("reset_headers");
  if (message.resetHeaders.length === 0) headers.refuse("is empty: some header has to say it");
  const maxIntervalMs = durationOr(message.maxInterval, RESET_INTERVAL_MAX_MS);
  if (maxIntervalMs <= 0) {
    place.field("max_interval").refuse("is no interval", `${maxIntervalMs}ms`, "above 0");
  }
  return {
    resetHeaders: message.resetHeaders.map((header, i) => decodeReset(header, headers.item(i))),
    // Envoy's shortest.
    maxIntervalMs: Math.max(1, maxIntervalMs),
  };
}

function decodeReset(
  { format, name }: ResetHeaderMessage,
  place: Place,
): RateLimitedBackOff["resetHeaders"][number] {
  if (!FIELD_NAME.test(name)) place.field("name").refuse("is no header's name", name);
  const unix = format === ResetHeaderFormat.UNIX_TIMESTAMP;
  return { name: name.toLowerCase(), format: unix ? "unixTimestamp" : "seconds" };
}

/** route.v3.HedgePolicy: what Envoy itself executes of it. */
export function decodeHedgePolicy(
  message: HedgePolicyMessage | undefined,
): HedgePolicy | undefined {
  return message && { hedgeOnPerTryTimeout: message.hedgeOnPerTryTimeout };
}

function decodeRetryOn(text: string, place: Place): string[] {
  const words = text
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
  for (const word of words) {
    if (RETRY_ON.has(word) || word === HTTP3_ONLY) continue;
    place.refuse("has a condition that is not executed", word, [...RETRY_ON].join(", "));
  }
  return words;
}

/** Older files name the predicate without a `typed_config`. */
function avoidsPreviousHosts(message: RetryPolicyMessage, place: Place): boolean {
  const predicates = place.field("retry_host_predicate");
  let avoids = false;
  message.retryHostPredicate.forEach((predicate, index) => {
    const { configType } = predicate;
    const isPrevious =
      configType.case === "typedConfig"
        ? typeNameOf(configType.value.typeUrl) === PreviousHostsPredicateSchema.typeName
        : predicate.name === PREVIOUS_HOSTS;
    if (isPrevious) avoids = true;
    else predicates.item(index).refuse("is not executed", predicate.name, PREVIOUS_HOSTS);
  });
  return avoids;
}

export function encodeRetryPolicy(policy: RetryPolicy | undefined): RetryPolicyMessage | undefined {
  if (policy === undefined) return undefined;
  return create(RetryPolicySchema, {
    retryOn: policy.retryOn.join(","),
    numRetries: policy.numRetries,
    ...(policy.perTryTimeoutMs > 0 ? { perTryTimeout: toDuration(policy.perTryTimeoutMs) } : {}),
    retryBackOff: {
      baseInterval: toDuration(policy.backOffBaseMs),
      maxInterval: toDuration(policy.backOffMaxMs),
    },
    retriableStatusCodes: [...policy.retriableStatusCodes],
    retriableHeaders: policy.retriableHeaders.map(encodeHeaderMatch),
    hostSelectionRetryMaxAttempts: BigInt(policy.hostSelectionAttempts),
    retryHostPredicate: policy.avoidPreviousHosts ? [previousHosts()] : [],
    ...encodeRarer(policy),
  });
}

function encodeRarer(policy: RetryPolicy) {
  const { perTryIdleTimeoutMs = 0, rateLimitedBackOff, retriableRequestHeaders } = policy;
  return {
    retriableRequestHeaders: (retriableRequestHeaders ?? []).map(encodeHeaderMatch),
    ...(perTryIdleTimeoutMs > 0 ? { perTryIdleTimeout: toDuration(perTryIdleTimeoutMs) } : {}),
    ...(rateLimitedBackOff === undefined
      ? {}
      : { rateLimitedRetryBackOff: encodeRateLimited(rateLimitedBackOff) }),
  };
}

function encodeRateLimited({ maxIntervalMs, resetHeaders }: RateLimitedBackOff) {
  return {
    resetHeaders: resetHeaders.map(({ format, name }) => ({
      name,
      format: format === "seconds" ? ResetHeaderFormat.SECONDS : ResetHeaderFormat.UNIX_TIMESTAMP,
    })),
    maxInterval: toDuration(maxIntervalMs),
  };
}

export function encodeHedgePolicy(policy: HedgePolicy | undefined): HedgePolicyMessage | undefined {
  return policy && create(HedgePolicySchema, { hedgeOnPerTryTimeout: policy.hedgeOnPerTryTimeout });
}

function previousHosts() {
  const value = packEmpty(PreviousHostsPredicateSchema);
  return { name: PREVIOUS_HOSTS, configType: { case: "typedConfig" as const, value } };
}
