import { PolicyError } from "../../errors.ts";

/** Codes of Node, undici and Bun for a connection that was never there. */
const NOT_CONNECTED = new Set([
  "ConnectionRefused",
  "EADDRNOTAVAIL",
  "EAI_AGAIN",
  "ECONNREFUSED",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ENETUNREACH",
  "ENOTFOUND",
  "FailedToOpenSocket",
  "UND_ERR_CONNECT_TIMEOUT",
]);
/** `fetch` hides the code in the cause of a TypeError, and libraries do so again. */
const CAUSES_MAX = 5;

/** Whether the call certainly did not reach the server: there was no connection to send it on. */
export function wasNeverSent(error: unknown): boolean {
  return isConnectFailure(error, 0);
}

function isConnectFailure(error: unknown, depth: number): boolean {
  if (!(error instanceof Error) || depth > CAUSES_MAX) return false;
  // Of several addresses, none could be reached.
  if (error instanceof AggregateError && error.errors.length > 0) {
    return error.errors.every((one) => isConnectFailure(one, depth + 1));
  }
  if ("code" in error && NOT_CONNECTED.has(String(error.code))) return true;
  return isConnectFailure(error.cause, depth + 1);
}

/**
 * What a retry repeats where it is not told otherwise: calls that were certainly never sent; with
 * `idempotent`, all that failed. What a policy inside refused is not repeated: an open circuit, a
 * full bulkhead and a spent rate want fewer calls, not more.
 */
export function isRetryable(error: unknown, idempotent: boolean): boolean {
  if (!(error instanceof PolicyError)) return idempotent || wasNeverSent(error);
  return idempotent && (error.reason === "timeout" || error.reason === "failed_response");
}

/** A Response of fetch, or an error that has one's headers. */
interface Answer {
  readonly status?: unknown;
  readonly headers?: { get?(name: string): string | null };
  readonly retryAfterMs?: unknown;
}

/**
 * How long the server asks to wait: `Retry-After` of a Response with 429 or 503 (RFC 9110, section
 * 10.2.3), or `retryAfterMs` of an error. `wall`: now, for answers that name a date.
 */
export function retryAfterMs(outcome: unknown, wall: number): number | undefined {
  if (typeof outcome !== "object" || outcome === null) return undefined;
  const answer = outcome as Answer;
  if (typeof answer.retryAfterMs === "number") return Math.max(0, answer.retryAfterMs);
  if (answer.status !== 429 && answer.status !== 503) return undefined;
  const value = answer.headers?.get?.("retry-after")?.trim() ?? "";
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  // Dates only in the form that HTTP writes: Date.parse would take `-1` for a year.
  if (!/^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/.test(value)) return undefined;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - wall);
}
