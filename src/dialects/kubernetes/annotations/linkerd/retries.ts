import type { RetrySettings } from "../../../../model/http-route-set.ts";
import type { AnnotationReader } from "./annotation-reader.ts";

const PREFIX = "retry.linkerd.io/";
const HTTP = `${PREFIX}http`;
const GRPC = `${PREFIX}grpc`;
const LIMIT = `${PREFIX}limit`;
const TIMEOUT = `${PREFIX}timeout`;

export const RETRY_PREFIX: string = PREFIX;
export const RETRY_NAMES: readonly string[] = [HTTP, GRPC, LIMIT, TIMEOUT];

const HTTP_WORDS = "statuses 100 to 599, ranges as 500-503, 5xx, gateway-error";
const GRPC_CONDITIONS = [
  "cancelled",
  "deadline-exceeded",
  "internal",
  "resource-exhausted",
  "unavailable",
] as const;

/** Linkerd's own; the longest is ten times that. */
const BACK_OFF_BASE_MS = 25;
const LIMIT_MAX = 65_535;

/** What the annotations are written on. */
export type AnnotatedKind = "Service" | "HTTPRoute" | "GRPCRoute";

/**
 * Linkerd's retries. Requests that never reached an application are retried with the rest, and a
 * try whose time is over. Undefined where none of the annotations is there.
 */
export function readRetries(
  reader: AnnotationReader,
  kind: AnnotatedKind,
): RetrySettings | undefined {
  if (!RETRY_NAMES.some((name) => reader.has(name))) return undefined;
  if (kind === "GRPCRoute") refuse(reader, HTTP, `calls of a GRPCRoute are retried by ${GRPC}`);
  if (kind === "HTTPRoute") refuse(reader, GRPC, `requests of an HTTPRoute are retried by ${HTTP}`);
  const statusCodes = kind === "GRPCRoute" ? [] : reader.items(HTTP, codesOf, HTTP_WORDS).flat();
  const grpc = kind === "HTTPRoute" ? [] : reader.items(GRPC, grpcWord, GRPC_CONDITIONS.join(", "));
  const timeoutMs = reader.duration(TIMEOUT);
  const perTryTimeoutMs = timeoutMs === 0 ? undefined : timeoutMs;
  return {
    attempts: reader.integer(LIMIT, { min: 0, max: LIMIT_MAX }) ?? 1,
    perTryTimeoutMs,
    retryOn: [
      "connect-failure",
      "refused-stream",
      ...(perTryTimeoutMs === undefined ? [] : ["reset"]),
      ...(statusCodes.length === 0 ? [] : ["retriable-status-codes"]),
      ...new Set(grpc),
    ],
    statusCodes: [...new Set(statusCodes)].toSorted((left, right) => left - right),
    backOffBaseMs: BACK_OFF_BASE_MS,
    avoidPreviousHosts: true,
  };
}

function refuse(reader: AnnotationReader, name: string, allowed: string): void {
  const found = reader.annotations[name];
  if (found !== undefined) reader.bad(name, found, allowed);
}

function grpcWord(item: string): string | undefined {
  return GRPC_CONDITIONS.find((word) => word === item.toLowerCase());
}

/** The statuses of `5xx`, `gateway-error`, `503` or `500-503`. */
function codesOf(item: string): readonly number[] | undefined {
  const word = item.toLowerCase();
  if (word === "5xx") return codesBetween(500, 599);
  if (word === "gateway-error") return codesBetween(502, 504);
  const [, from = "", to = from] = /^([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?$/.exec(item) ?? [];
  if (from === "" || Number(from) > Number(to)) return undefined;
  return codesBetween(Number(from), Number(to));
}

function codesBetween(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
