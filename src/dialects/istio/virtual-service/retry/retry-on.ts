/** The words of `retries.retryOn`, which Istio hands to Envoy, and status codes among them. */

const POLICIES: ReadonlySet<string> = new Set([
  // Envoy: x-envoy-retry-on
  "5xx",
  "gateway-error",
  "reset",
  "reset-before-request",
  "connect-failure",
  "retriable-4xx",
  "refused-stream",
  "retriable-status-codes",
  "retriable-headers",
  "envoy-ratelimited",
  "http3-post-connect-failure",
  // Envoy: x-envoy-retry-grpc-on
  "cancelled",
  "deadline-exceeded",
  "internal",
  "resource-exhausted",
  "unavailable",
]);

export const RETRY_ON_POLICIES: readonly string[] = [...POLICIES];

/** The codes that Go's net/http knows a text for, which is Istio's test of "any HTTP code". */
const STATUS_CODES: ReadonlySet<number> = new Set([
  100, 101, 102, 103, 200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304,
  305, 307, 308, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415,
  416, 417, 418, 421, 422, 423, 424, 425, 426, 428, 429, 431, 451, 500, 501, 502, 503, 504, 505,
  506, 507, 508, 510, 511,
]);

export interface RetryOn {
  /** Envoy's words. */
  readonly policies: readonly string[];
  readonly statusCodes: readonly number[];
  /** Words that are neither; Istio rejects them. */
  readonly unknown: readonly string[];
}

/**
 * Splits `5xx,503,reset`. Codes alone mean nothing to Envoy: `retriable-status-codes` is added,
 * as Istio does.
 */
export function parseRetryOn(text: string): RetryOn {
  const words = text.split(",");
  const statusCodes = words.filter(isStatusCode).map(Number);
  const policies = words.filter((word) => POLICIES.has(word));
  if (statusCodes.length > 0 && !policies.includes("retriable-status-codes")) {
    policies.push("retriable-status-codes");
  }
  const unknown = words.filter((word) => !POLICIES.has(word) && !isStatusCode(word));
  return { policies, statusCodes, unknown };
}

function isStatusCode(word: string): boolean {
  return /^\d{3}$/.test(word) && STATUS_CODES.has(Number(word));
}
