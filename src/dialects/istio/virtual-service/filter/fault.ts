import type { FaultAbort, FaultDelay, HttpFault } from "../../../../model/filter/fault.ts";
import type { Fraction } from "../../../../model/filter/fraction.ts";
import type { Spec } from "../../spec.ts";

/** Parts of a million a per cent. */
const PER_CENT = 10_000;

/** gRPC's statuses by number, as Istio writes them. */
const GRPC_STATUSES: readonly string[] = (
  "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS " +
  "PERMISSION_DENIED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED " +
  "INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED"
).split(" ");

/** `fault`, as Istio makes Envoy's filter of it; undefined where nothing is left of it. */
export function readFault(fault: Spec): HttpFault | undefined {
  if (!fault.present) return undefined;
  const [delaySpec, abortSpec] = [fault.at("delay"), fault.at("abort")];
  if (!delaySpec.present && !abortSpec.present) {
    fault.refuse("HTTP fault injection must have an abort and/or a delay");
  }
  const delay = readDelay(delaySpec);
  const abort = readAbort(abortSpec);
  if (delay === undefined && abort === undefined) return undefined;
  return {
    delay,
    abort,
    upstreamCluster: "",
    headers: [],
    downstreamNodes: [],
    maxActiveFaults: undefined,
  };
}

function readDelay(delay: Spec): FaultDelay | undefined {
  if (!delay.present) return undefined;
  if (delay.at("exponentialDelay").present) {
    delay.at("exponentialDelay").refuse("exponentialDelay not supported yet", "fixedDelay");
  }
  const share = readShare(delay) ?? readOldShare(delay);
  const ms = delay.at("fixedDelay").durationMs();
  return ms === undefined ? undefined : { share, by: { kind: "fixed", ms } };
}

function readAbort(abort: Spec): FaultAbort | undefined {
  if (!abort.present) return undefined;
  const share = readShare(abort) ?? nobody(abort);
  const by = readError(abort);
  return by === undefined ? undefined : { share, by };
}

function readError(abort: Spec): FaultAbort["by"] | undefined {
  const [http, grpc, http2] = [
    abort.at("httpStatus"),
    abort.at("grpcStatus"),
    abort.at("http2Error"),
  ];
  if (http2.present) http2.refuse("HTTP/2 abort fault injection not supported yet");
  if (http.present && grpc.present)
    abort.refuse("has both httpStatus and grpcStatus", "one of them");
  if (http.present) return readHttpStatus(http);
  if (grpc.present) return readGrpcStatus(grpc);
  if (!http2.present) abort.doubt("abort configured, but error type not set");
  return undefined;
}

function readHttpStatus(http: Spec): FaultAbort["by"] | undefined {
  const status = http.integer() ?? 0;
  if (status >= 200 && status <= 599) return { kind: "http", status };
  http.refuse(`HTTP status ${status} is not in range 200-599`, "200..599");
  return undefined;
}

function readGrpcStatus(grpc: Spec): FaultAbort["by"] | undefined {
  const name = grpc.text() ?? "";
  const status = GRPC_STATUSES.indexOf(name);
  if (status >= 0) return { kind: "grpc", status };
  grpc.refuse(`gRPC status "${name}" is not supported`, GRPC_STATUSES.join(", "));
  return undefined;
}

/** Envoy counts in millionths: below 0.0001 percent nothing is left. */
function readShare(of: Spec): Fraction | undefined {
  const percentage = of.at("percentage");
  if (!percentage.present) return undefined;
  const value = percentage.at("value").number() ?? 0;
  if (value !== 0 && (value < 0.0001 || value > 100)) {
    percentage.refuse(`percentage ${value} is neither 0.0, nor in range [0.0001, 100.0]`);
  }
  return { numerator: Math.trunc(value * PER_CENT), denominator: 1_000_000 };
}

/** The deprecated whole number. */
function readOldShare(delay: Spec): Fraction {
  const percent = delay.at("percent");
  if (!percent.present) return nobody(delay);
  const value = percent.integer() ?? 0;
  if (value < 0 || value > 100) percent.refuse(`percentage ${value} is not in range 0..100`);
  return { numerator: value, denominator: 100 };
}

function nobody(of: Spec): Fraction {
  of.notExecuted("without a percentage no request is meant", "percentage: { value: 100 }");
  return { numerator: 0, denominator: 100 };
}
