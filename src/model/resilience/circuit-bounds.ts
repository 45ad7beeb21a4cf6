import { FIELD_NAME, FIELD_NAME_WORDS, ROUTING_FIELDS } from "../../base/grammar/field-name.ts";
import type { CircuitBreaker, CircuitErrors } from "./circuit-breaker.ts";

/** What a circuit may say, both ends allowed; dialects, the schema and xDS hold to the same. */
export const CIRCUIT_BOUNDS = {
  windowMs: { min: 100, max: 3_600_000 },
  /** A window is of whole milliseconds a bucket, as Hystrix asks. */
  buckets: { min: 1, max: 100 },
  requestVolume: { min: 1, max: 1_000_000 },
  errorPercentage: { min: 1, max: 100 },
  consecutiveErrors: { min: 1, max: 1_000_000 },
  slowerThanMs: { min: 1, max: 3_600_000 },
  sleepMs: { min: 1, max: 86_400_000 },
  probes: { min: 1, max: 1000 },
  maxConcurrent: { min: 1, max: 1_000_000 },
  /** Of the static answer; 1xx cannot end a call, and 101 would be another protocol. */
  fallbackStatus: { min: 200, max: 599 },
  maxAgeMs: { min: 1, max: 86_400_000 },
  /** Of one circuit's last good answers together. */
  maxBytes: { min: 1, max: 16_777_216 },
} as const;

/** Sizes and counts of what a circuit carries along. */
export const CIRCUIT_LIMITS = {
  nameBytes: 512,
  statuses: 32,
  fallbackHeaders: 32,
  headerNameBytes: 256,
  headerValueBytes: 4096,
  fallbackBodyBytes: 65_536,
} as const;

/**
 * What counts as an error where nothing is said: every 5xx, and the gRPC statuses that say the
 * same: UNKNOWN (2; what servers make of exceptions), DEADLINE_EXCEEDED (4), INTERNAL (13),
 * UNAVAILABLE (14), DATA_LOSS (15). UNIMPLEMENTED is the caller's mistake, RESOURCE_EXHAUSTED a
 * refusal that more calls make worse, not a failure.
 */
const DEFAULT_ERRORS: CircuitErrors = {
  statuses: [{ start: 500, end: 600 }],
  grpc: [2, 4, 13, 14, 15],
  slowerThanMs: undefined,
};

/** Hystrix's, and where half of it is said the other half. */
export const DEFAULT_SHARE = {
  kind: "errorPercentage",
  requestVolume: 20,
  errorPercentage: 50,
} as const;

/** Hystrix's own defaults (HystrixCommandProperties), for whatever is not said. */
export const CIRCUIT_DEFAULTS: Omit<CircuitBreaker, "name"> = {
  window: { durationMs: 10_000, buckets: 10 },
  open: DEFAULT_SHARE,
  errors: DEFAULT_ERRORS,
  sleepMs: 5000,
  probes: 1,
  scope: "caller",
  maxConcurrent: undefined,
  fallback: undefined,
  explains: false,
};

/**
 * Names that no fallback may say: headers of one connection (RFC 9110, 7.6.1), which proxies take
 * off, and what frames the answer or routes it.
 */
export const NOT_FOR_FALLBACKS: ReadonlySet<string> = new Set([
  ...ROUTING_FIELDS,
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
]);

/**
 * Printable ASCII and tabs. What is beyond would have to be sent as bytes of some encoding, and one
 * that is not meant can make a line break of a letter.
 */
export const FALLBACK_HEADER_VALUE: RegExp = /^[\t -~]*$/;

/** What is wrong with a word, and what would be right. */
export interface BadWord {
  readonly problem: string;
  readonly allowed: string;
}

/** Why a fallback may not send a header of this name, in lower case; undefined: it may. */
export function badHeaderName(name: string): BadWord | undefined {
  const max = CIRCUIT_LIMITS.headerNameBytes;
  if (name.length > max) return { problem: "is too long", allowed: `at most ${max} bytes` };
  if (!FIELD_NAME.test(name)) return { problem: "is no header name", allowed: FIELD_NAME_WORDS };
  if (NOT_FOR_FALLBACKS.has(name)) {
    return { problem: "is not the answer's to say", allowed: "headers that reach the client" };
  }
  if (!name.startsWith("x-outrigger-")) return undefined;
  return { problem: "is Outrigger's own", allowed: "names without x-outrigger- in front" };
}

/** Why a fallback may not send a header of this value; undefined: it may. */
export function badHeaderValue(value: string): BadWord | undefined {
  const max = CIRCUIT_LIMITS.headerValueBytes;
  const bytes = Buffer.byteLength(value);
  if (bytes > max) return { problem: "is too long", allowed: `at most ${max} bytes` };
  if (FALLBACK_HEADER_VALUE.test(value)) return undefined;
  return { problem: "is no value that may be sent", allowed: "printable ASCII and tabs" };
}
