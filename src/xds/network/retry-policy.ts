import { create } from "@bufbuild/protobuf";
import {
  type RetryPolicy as RetryPolicyMessage,
  RetryPolicySchema,
} from "../../gen/envoy/config/route/v3/route_components_pb.js";
import { PreviousHostsPredicateSchema } from "../../gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js";
import type { RetryPolicy } from "../../model/route.ts";
import type { Place } from "../check/place.ts";
import { packEmpty, typeNameOf } from "../message/any.ts";
import { durationMs, durationOr, toDuration } from "../message/scalar.ts";
import { decodeHeaderMatch, encodeHeaderMatch } from "./route-match.ts";

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
  const backOff = message.retryBackOff;
  const backOffBaseMs = durationOr(backOff?.baseInterval, 25);
  const backOffMaxMs = durationOr(backOff?.maxInterval, backOffBaseMs * 10);
  if (backOffMaxMs < backOffBaseMs) {
    place
      .field("retry_back_off")
      .field("max_interval")
      .refuse("is below base_interval", `${backOffMaxMs}ms`, `at least ${backOffBaseMs}ms`);
  }
  const headers = place.field("retriable_headers");
  return {
    retryOn: decodeRetryOn(message.retryOn, place.field("retry_on")),
    retriableStatusCodes: message.retriableStatusCodes,
    retriableHeaders: message.retriableHeaders.map((match, i) =>
      decodeHeaderMatch(match, headers.item(i)),
    ),
    numRetries: message.numRetries ?? 1,
    perTryTimeoutMs: durationMs(message.perTryTimeout),
    backOffBaseMs,
    backOffMaxMs,
    avoidPreviousHosts: avoidsPreviousHosts(message, place),
    hostSelectionAttempts: Math.max(1, Number(message.hostSelectionRetryMaxAttempts)),
  };
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
  });
}

function previousHosts() {
  const value = packEmpty(PreviousHostsPredicateSchema);
  return { name: PREVIOUS_HOSTS, configType: { case: "typedConfig" as const, value } };
}
