import type { Spec } from "../spec.ts";
import { regexError } from "../text-rules.ts";
import { readDestination } from "./destination.ts";

/** Istio's rules for what a VirtualService may say and nobody executes here yet. */

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

export function checkMirrors(rule: Spec): void {
  if (rule.at("mirror").present) readDestination(rule.at("mirror"));
  for (const mirror of rule.at("mirrors").items()) {
    readDestination(mirror.at("destination"));
    checkMirrorShare(mirror.at("percentage").at("value"), "mirror percentage");
  }
  checkMirrorShare(rule.at("mirrorPercentage").at("value"), "mirror_percentage");
  for (const field of ["mirrorPercent", "mirror_percent"]) {
    const percent = rule.at(field);
    checkMirrorShare(percent, "mirror_percent");
    if (percent.present) {
      percent.doubt('using deprecated setting "mirrorPercent", use "mirrorPercentage" instead');
    }
  }
}

function checkMirrorShare(share: Spec, name: string): void {
  const value = share.number() ?? 0;
  if (value > 100) share.refuse(`${name} must have a max value of 100 (it has ${value})`);
  if (value < 0) share.refuse(`${name} must have a min value of 0 (it has ${value})`);
}

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE"];

export function checkCors(cors: Spec): void {
  for (const origin of cors.at("allowOrigins").items()) {
    const value = ["exact", "prefix", "regex"].map((kind) => origin.at(kind).text()).find(Boolean);
    if (value === undefined) {
      origin.refuse("'' is not a valid match type for CORS allow origins");
    } else if (origin.at("regex").present) {
      origin.at("regex").refuse(regexError(value, "corsPolicy.allowOrigins"));
    }
  }
  for (const method of cors.at("allowMethods").items()) {
    const name = method.text() ?? "";
    if (name !== "*" && !METHODS.includes(name)) {
      method.refuse(`"${name}" is not a supported HTTP method`, METHODS.join(", "));
    }
  }
  const maxAge = cors.at("maxAge");
  if ((maxAge.durationMs() ?? 0) % 1000 !== 0) {
    maxAge.refuse("max_age duration is accurate only to seconds precision");
  }
}
