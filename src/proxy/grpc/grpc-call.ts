// hot path: no allocation per request
import { isGrpcContentType } from "../../codec/grpc/content-type.ts";
import { INVALID_GRPC_STATUS, parseGrpcStatus } from "../../codec/grpc/status.ts";
import { formatGrpcTimeout, parseGrpcTimeout } from "../../codec/grpc/timeout.ts";
import { ID } from "../../codec/http/header-name.ts";
import type { HeaderTable } from "../../codec/http/header-table.ts";
import type { CompiledForward } from "../route/compiled-route.ts";
import type { RequestAccount } from "../telemetry/account.ts";

/** Whether these are the headers of a gRPC call (Envoy: Grpc::Common::hasGrpcContentType). */
export function isGrpc(headers: HeaderTable): boolean {
  const type = headers.get(ID["content-type"]);
  return type !== undefined && isGrpcContentType(type);
}

/** The `grpc-status` of a head or of trailers, or `INVALID_GRPC_STATUS` where there is none. */
export function grpcStatusIn(headers: HeaderTable): number {
  const index = headers.findName("grpc-status");
  return index < 0 ? INVALID_GRPC_STATUS : parseGrpcStatus(headers.value(index));
}

/** Takes over what a head or trailers say of how a gRPC call ended. */
export function noteGrpcStatus(account: RequestAccount, headers: HeaderTable): void {
  if (!account.grpc) return;
  const status = grpcStatusIn(headers);
  if (status !== INVALID_GRPC_STATUS) account.grpcStatus = status;
}

/**
 * How long the stream may last from its first byte, in milliseconds; 0: for ever. A client's
 * `grpc-timeout` counts where the route says how much of it (Envoy: refreshDurationTimeout). The
 * upstream of a gRPC call is told what time it has as a whole.
 */
export function streamDurationMs(
  forward: CompiledForward,
  headers: HeaderTable,
  grpc: boolean,
): number {
  const { grpcTimeoutMaxMs, maxStreamDurationMs } = forward;
  if (maxStreamDurationMs === 0 && grpcTimeoutMaxMs === undefined) return 0;
  const asked = grpcTimeoutMaxMs === undefined ? -1 : grpcTimeoutIn(headers);
  const durationMs = asked < 0 ? maxStreamDurationMs : bounded(asked, grpcTimeoutMaxMs ?? 0);
  if (grpc && durationMs > 0) headers.setName("grpc-timeout", formatGrpcTimeout(durationMs));
  return durationMs;
}

/** Milliseconds; -1 without one that can be read. */
function grpcTimeoutIn(headers: HeaderTable): number {
  const index = headers.findName("grpc-timeout");
  return index < 0 ? -1 : parseGrpcTimeout(headers.value(index));
}

/** At least 1, so that no time at all is not taken for all the time in the world. */
function bounded(askedMs: number, maxMs: number): number {
  return Math.max(1, maxMs > 0 && maxMs < askedMs ? maxMs : askedMs);
}
