// hot path: no allocation per request
import type { Clock } from "../../base/clock.ts";
import { ID } from "../../codec/http/header-name.ts";
import type { HeaderTable } from "../../codec/http/header-table.ts";
import { Deadline, type DeadlineOwner } from "../deadline.ts";
import { setGrpcTimeout, streamDurationMs } from "../grpc/grpc-call.ts";
import type { LocalReply } from "../reply/local-reply.ts";
import {
  REQUEST_IDLE_TIMEOUT,
  REQUEST_TIMEOUT,
  REQUEST_TOO_LONG,
  STREAM_IDLE_TIMEOUT,
  STREAM_TOO_LONG,
} from "../reply/replies.ts";
import type { CompiledAction, CompiledForward } from "../route/compiled-route.ts";
import type { HttpStats } from "../telemetry/envoy/http-stats.ts";
import { Allowance } from "./allowance.ts";

/**
 * The timeouts of a whole request: the route's, that of silence, and that of the stream as a whole.
 * Kinds `route`, `idle` and `duration`.
 */
export class Timeouts {
  readonly #clock: Clock;
  readonly #route: Deadline;
  readonly #idle: Deadline;
  readonly #duration: Deadline;
  readonly allowance: Allowance = new Allowance();
  #idleMs = 0;
  /** Whose times run for the stream as a whole already; undefined: nobody's. */
  #heldBy: CompiledForward | undefined;
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
    this.#setIdle(nowMs, idleMs);
    this.#heldBy = undefined;
    this.allowance.routeMs = 0;
  }

  /** A filter holds the request: what its route says of streams runs meanwhile. */
  hold(
    action: CompiledAction | undefined,
    headers: HeaderTable,
    grpc: boolean,
    startedAtMs: number,
  ): void {
    if (action?.kind !== "forward") {
      this.#duration.set(startedAtMs, this.#durationMs);
      return;
    }
    this.#bound(action, headers, grpc, startedAtMs);
    this.#heldBy = action;
  }

  /** The request goes this way: what that means for its time. */
  admit(forward: CompiledForward, headers: HeaderTable, grpc: boolean, startedAtMs: number): void {
    if (this.#heldBy !== forward) this.#bound(forward, headers, grpc, startedAtMs);
    this.allowance.take(forward, headers, grpc);
    this.#grpc = grpc && forward.grpcTimeoutMaxMs !== undefined;
  }

  #bound(forward: CompiledForward, headers: HeaderTable, grpc: boolean, startedAtMs: number): void {
    if (forward.idleTimeoutMs !== undefined) this.#setIdle(startedAtMs, forward.idleTimeoutMs);
    const durationMs = streamDurationMs(forward, headers, grpc, this.#durationMs);
    this.#duration.set(startedAtMs, durationMs);
  }

  #setIdle(nowMs: number, idleMs: number): void {
    this.#idleMs = idleMs;
    this.#idle.set(nowMs, idleMs);
  }

  /** Tells the upstream how long the answer is waited for. `spentMs`: on earlier tries. */
  announce(headers: HeaderTable, spentMs: number): void {
    const timeoutMs = this.allowance.expectedMs(spentMs);
    if (timeoutMs === 0) return;
    headers.set(ID["x-envoy-expected-rq-timeout-ms"], String(timeoutMs));
    if (this.#grpc) setGrpcTimeout(headers, timeoutMs);
  }

  /** The request is complete: from now on the route's time runs. */
  startRoute(nowMs: number): void {
    this.#route.set(nowMs, this.allowance.routeMs);
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

  dispose(): void {
    this.#route.dispose();
    this.#idle.dispose();
    this.#duration.dispose();
  }
}

/** Counts a timeout that is not the route's, or of kind `request`, and gives the answer to it. */
export function timeoutReply(kind: string, requestComplete: boolean, http: HttpStats): LocalReply {
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
