import type { RetrySettings } from "../../../../model/http-route-set.ts";
import type { Spec } from "../../spec.ts";
import { parseRetryOn, RETRY_ON_POLICIES, type RetryOn } from "./retry-on.ts";

/** Undefined: the rule says nothing, so Istio's default holds. `attempts: 0` disables. */
export function readRetries(retries: Spec): RetrySettings | undefined {
  if (!retries.present) return undefined;
  const attempts = retries.at("attempts").integer() ?? 0;
  if (attempts < 0) retries.at("attempts").refuse("attempts cannot be negative");
  const configured = ["perTryTimeout", "retryOn", "retryRemoteLocalities"].some(
    (field) => retries.at(field).present,
  );
  if (attempts === 0 && configured) {
    retries.refuse("http retry policy configured when attempts are set to 0 (disabled)");
  }
  const retryOn = readRetryOn(retries.at("retryOn"));
  return {
    attempts: Math.max(0, attempts),
    perTryTimeoutMs: retries.at("perTryTimeout").durationMs(),
    retryOn: retryOn.policies,
    statusCodes: retryOn.statusCodes,
    backOffBaseMs: retries.at("backoff").durationMs(),
    avoidPreviousHosts: retries.at("retryIgnorePreviousHosts").flag() ?? true,
  };
}

function readRetryOn(node: Spec): Pick<RetryOn, "policies" | "statusCodes"> {
  const text = node.text() ?? "";
  if (text === "") return { policies: [], statusCodes: [] };
  const parsed = parseRetryOn(text);
  const allowed = `${RETRY_ON_POLICIES.join(",")}, or HTTP status codes, without spaces`;
  for (const word of parsed.unknown) {
    node.refuse(`"${word}" is not a valid retryOn policy`, allowed);
  }
  return parsed;
}
