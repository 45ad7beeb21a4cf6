// hot path: no allocation per request
import type { Clock } from "../../base/clock.ts";
import { ID } from "../../codec/http/header-name.ts";
import type { HeaderTable } from "../../codec/http/header-table.ts";
import { Deadline, type DeadlineOwner } from "../deadline.ts";
import { routeTimeoutMs, setGrpcTimeout, streamDurationMs } from "../grpc/grpc-call.ts";
import type { LocalReply } from "../reply/local-reply.ts";
import {
  REQUEST_IDLE_TIMEOUT,
  REQUEST_TIMEOUT,
  REQUEST_TOO_LONG,
  RESPONSE_TIMEOUT,
  STREAM_IDLE_TIMEOUT,
  STREAM_TOO_LONG,
} from "../reply/replies.ts";
import type { CompiledForward } from "../route/compiled-route.ts";
import type { ClusterStats } from "../telemetry/envoy/cluster-stats.ts";
import type { HttpStats } from "../telemetry/envoy/http-stats.ts";

/**
 * The timeouts of a whole request: the route's, that of silence, and that of the stream as a whole.
 * Kinds `route`, `idle` and `duration`.
 */
export class Timeouts {
  readonly #clock: Clock;
  readonly #route: Deadline;
  readonly #idle: Deadline;
  readonly #duration: Deadline;
  #idleMs = 0;
  #routeMs = 0;
  /** The listener's, for routes that say nothing. */
  readonly #durationMs: number;
  /** The upstream of a gRPC call hears of its timeout in gRPC's words too. */
  #grpc = false;

  constructor(clock: Clock, owner: DeadlineOwner, durationMs: number) {
    this.#clock = clock;
    this.#durationMs = durationMs;
    this.#route = new Deadline(clock, owner, "route");
    this.#idle = new Deadline(clock, owner, "idle");
    this.#duration = new Deadline(clock, owner, "duration");
  }

  begin(nowMs: number, idleMs: number): void {
    this.#idleMs = idleMs;
    this.#idle.set(nowMs, idleMs);
    this.#routeMs = 0;
  }

  /** The request goes this way: what that means for its time. */
  admit(forward: CompiledForward, headers: HeaderTable, grpc: boolean, startedAtMs: number): void {
    if (forward.idleTimeoutMs !== undefined) this.begin(startedAtMs, forward.idleTimeoutMs);
    this.#routeMs = routeTimeoutMs(forward, headers, grpc);
    this.#grpc = grpc && forward.grpcTimeoutMaxMs !== undefined;
    const durationMs = streamDurationMs(forward, headers, grpc, this.#durationMs);
    this.#duration.set(startedAtMs, durationMs);
  }

  /** Tells the upstream how long the answer is waited for. `spentMs`: on earlier tries. */
  announce(headers: HeaderTable, perTryMs: number, spentMs: number): void {
    const timeoutMs = this.#expectedMs(perTryMs, spentMs);
    if (timeoutMs === 0) return;
    headers.set(ID["x-envoy-expected-rq-timeout-ms"], String(timeoutMs));
    if (this.#grpc) setGrpcTimeout(headers, timeoutMs);
  }

  /** The request is complete: from now on the route's time runs. */
  startRoute(nowMs: number): void {
    this.#route.set(nowMs, this.#routeMs);
  }

  /** The route's time no longer counts. */
  stopRoute(): void {
    this.#route.clear();
  }

  /** Something moved. */
  touch(): void {
    if (this.#idleMs > 0) this.#idle.set(this.#clock.now(), this.#idleMs);
  }

  stop(): void {
    this.#route.clear();
    this.#idle.clear();
    this.#duration.clear();
  }

  /** 0 for no timeout. */
  #expectedMs(perTryMs: number, spentMs: number): number {
    if (this.#routeMs === 0) return perTryMs;
    const leftMs = Math.max(1, Math.trunc(this.#routeMs - spentMs));
    return perTryMs > 0 && perTryMs < leftMs ? perTryMs : leftMs;
  }

  dispose(): void {
    this.#route.dispose();
    this.#idle.dispose();
    this.#duration.dispose();
  }
}

/** Counts a timeout of this kind, or of kind `request`, and gives the answer to it. */
export function timeoutReply(
  kind: string,
  requestComplete: boolean,
  cluster: ClusterStats | undefined,
  http: HttpStats,
): LocalReply {
  if (kind === "route") {
    cluster?.count("upstream_rq_timeout");
    return RESPONSE_TIMEOUT;
  }
  if (kind === "duration") {
    http.count("downstream_rq_max_duration_reached");
    return requestComplete ? STREAM_TOO_LONG : REQUEST_TOO_LONG;
  }
  if (kind === "request") {
    http.count("downstream_rq_timeout");
    return REQUEST_TIMEOUT;
  }
  http.count("downstream_rq_idle_timeout");
  return requestComplete ? STREAM_IDLE_TIMEOUT : REQUEST_IDLE_TIMEOUT;
}
