import type { Spec } from "../../spec.ts";

const GRPC_STATUSES: ReadonlySet<string> = new Set([
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
]);

/** Istio's rules for fault injection, which nobody executes here yet. */
export function checkFault(fault: Spec): void {
  if (!fault.present) return;
  const [delay, abort] = [fault.at("delay"), fault.at("abort")];
  if (!delay.present && !abort.present) {
    fault.refuse("HTTP fault injection must have an abort and/or a delay");
  }
  checkPercentage(delay.at("percentage"));
  checkPercentage(abort.at("percentage"));
  if (delay.at("exponentialDelay").present) {
    delay.at("exponentialDelay").refuse("exponentialDelay not supported yet", "fixedDelay");
  }
  if (abort.present) checkAbort(abort);
}

function checkAbort(abort: Spec): void {
  const [http, grpc, http2] = [
    abort.at("httpStatus"),
    abort.at("grpcStatus"),
    abort.at("http2Error"),
  ];
  const status = http.integer() ?? 0;
  if (http.present && (status < 200 || status > 599)) {
    http.refuse(`HTTP status ${status} is not in range 200-599`, "200..599");
  }
  const grpcStatus = grpc.text();
  if (grpcStatus !== undefined && !GRPC_STATUSES.has(grpcStatus)) {
    grpc.refuse(`gRPC status "${grpcStatus}" is not supported`, [...GRPC_STATUSES].join(", "));
  }
  if (http2.present) http2.refuse("HTTP/2 abort fault injection not supported yet");
  if (![http, grpc, http2].some((field) => field.present)) {
    abort.doubt("abort configured, but error type not set");
  }
}

/** Envoy counts in millionths: below 0.0001 percent nothing is left. */
function checkPercentage(percentage: Spec): void {
  const value = percentage.at("value").number();
  if (value === undefined || value === 0 || (value >= 0.0001 && value <= 100)) return;
  percentage.refuse(`percentage ${value} is neither 0.0, nor in range [0.0001, 100.0]`);
}
