import { CIRCUIT_DEFAULTS } from "../../model/resilience/circuit-bounds.ts";
import type { CircuitErrors } from "../../model/resilience/circuit-breaker.ts";
import type { StatusRange } from "../../model/upstream/health-check.ts";
import { type ERRORS, GRPC_STATUSES } from "./schema/circuit-breaker.ts";
import { STATUSES } from "./schema/field.ts";
import type { Section } from "./section.ts";

const STATUS_WORDS = "a status such as 503, a class such as 5xx, or a range such as 500-504";
const GRPC_WORDS = `a status of gRPC: ${GRPC_STATUSES.slice(1).join(", ")}`;

/** What counts as an error; the defaults where nothing is said. */
export function readErrors(
  errors: Section<keyof typeof ERRORS.properties> | undefined,
): CircuitErrors {
  if (errors === undefined) return CIRCUIT_DEFAULTS.errors;
  return {
    statuses: errors.entries("statuses", readStatuses, STATUS_WORDS),
    grpc: errors.entries("grpc", readGrpcStatus, GRPC_WORDS),
    slowerThanMs: errors.durationMs("slowerThan"),
  };
}

/** `503`, as a number or a text, `5xx` or `500-504`. */
function readStatuses(entry: unknown): StatusRange | undefined {
  const text = typeof entry === "number" ? String(entry) : entry;
  if (typeof text !== "string" || !STATUSES.test(text)) return undefined;
  if (text.endsWith("xx")) {
    const start = Number(text[0]) * 100;
    return { start, end: start + 100 };
  }
  const [first = "", last = first] = text.split("-");
  const start = Number(first);
  const end = Number(last) + 1;
  return end > start ? { start, end } : undefined;
}

/** By number. */
function readGrpcStatus(entry: unknown): number | undefined {
  const status = typeof entry === "string" ? GRPC_STATUSES.indexOf(entry) : -1;
  return status > 0 ? status : undefined;
}
