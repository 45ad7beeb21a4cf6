import type { Repeatable } from "../policy/call-scope.ts";

/** RFC 9110, section 9.2.2: to do it twice is to do it once. */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/** What of a request decides whether it may be sent again. */
export interface RequestShape {
  readonly method: string;
  readonly headers: { has(name: string): boolean };
  readonly body: unknown;
}

/**
 * By its method, and whether it has an `Idempotency-Key`, by which servers know a request again.
 * A body that is a stream can be read once only.
 */
export function repeatableOf({ method, headers, body }: RequestShape): Repeatable {
  if (!canBeReadAgain(body)) return "never";
  const idempotent = IDEMPOTENT.has(method) || headers.has("idempotency-key");
  return idempotent ? "always" : "unsent";
}

function canBeReadAgain(body: unknown): boolean {
  return (
    body === undefined ||
    body === null ||
    typeof body === "string" ||
    body instanceof ArrayBuffer ||
    ArrayBuffer.isView(body) ||
    body instanceof Blob ||
    body instanceof FormData ||
    body instanceof URLSearchParams
  );
}
