// hot path: no allocation per request
import type { Outcome } from "../../breaker/breaker.ts";
import { GRPC_STATUS } from "../../codec/grpc/status.ts";

/**
 * What Linkerd makes of an answer. gRPC says that it failed with UNKNOWN, DEADLINE_EXCEEDED,
 * PERMISSION_DENIED, INTERNAL, UNAVAILABLE and DATA_LOSS. `grpcStatus` below 0: there is none.
 * Source: linkerd2-proxy, `linkerd/app/core/src/classify.rs`.
 */
export function outcomeOf(status: number, grpcStatus: number): Outcome {
  if (status >= 500) return "failure";
  if (status === 429 || grpcStatus === GRPC_STATUS.RESOURCE_EXHAUSTED) return "throttled";
  return grpcStatus >= 0 && isGrpcFailure(grpcStatus) ? "failure" : "success";
}

function isGrpcFailure(grpcStatus: number): boolean {
  switch (grpcStatus) {
    case GRPC_STATUS.UNKNOWN:
    case GRPC_STATUS.DEADLINE_EXCEEDED:
    case GRPC_STATUS.PERMISSION_DENIED:
    case GRPC_STATUS.INTERNAL:
    case GRPC_STATUS.UNAVAILABLE:
    case GRPC_STATUS.DATA_LOSS:
      return true;
    default:
      return false;
  }
}
