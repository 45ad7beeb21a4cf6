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
 * How long the stream may last from its first byte, in milliseconds; 0: for ever. `listenerMs` is
 * for routes that say nothing. A client's `grpc-timeout` counts where the route says how much of
 * it (Envoy: refreshDurationTimeout). The upstream of a gRPC call is told what time it has as a
 * whole, where the route bounds that.
 */
export function streamDurationMs(
  forward: CompiledForward,
  headers: HeaderTable,
  grpc: boolean,
  listenerMs: number,
): number {
  const { grpcTimeoutHeaderMaxMs: maxMs } = forward;
  const usualMs = forward.maxStreamDurationMs ?? listenerMs;
  if (usualMs === 0 && maxMs === undefined) return 0;
  const asked = maxMs === undefined ? -1 : grpcTimeoutIn(headers);
  const durationMs = asked < 0 ? usualMs : bounded(asked, maxMs ?? 0);
  if (grpc && durationMs > 0 && forward.announcesDuration) setGrpcTimeout(headers, durationMs);
  return durationMs;
}

/**
 * The route's timeout for this request, in milliseconds; 0: none. Where the route says so, a gRPC
 * call's own takes its place, and without one there is none (Envoy: FilterUtility::finalTimeout).
 */
export function routeTimeoutMs(
  forward: CompiledForward,
  headers: HeaderTable,
  grpc: boolean,
): number {
  const { grpcTimeoutMaxMs: maxMs, timeoutMs } = forward;
  if (!grpc || maxMs === undefined) return timeoutMs;
  const askedMs = Math.max(0, grpcTimeoutIn(headers));
  return maxMs > 0 && (askedMs === 0 || askedMs > maxMs) ? maxMs : askedMs;
}

/** Tells the upstream how long the client of its call will wait. */
export function setGrpcTimeout(headers: HeaderTable, timeoutMs: number): void {
  headers.setName("grpc-timeout", formatGrpcTimeout(timeoutMs));
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
