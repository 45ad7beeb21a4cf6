// hot path: no allocation per request
import type { Clock } from "../../base/clock.ts";
import { GRPC_STATUS } from "../../codec/grpc/status.ts";
import type { HeaderTable } from "../../codec/http/header-table.ts";
import type { FailurePenalty } from "../../model/balance/balancing.ts";
import { retryHintMs } from "../accrual/retry-hint.ts";
import type { Host } from "../cluster/host.ts";
import type { HostJudge, HostMonitor } from "../cluster/host-monitor.ts";

/**
 * Makes hosts that fail look slow to PEAK_EWMA: else one that fails fast would be everybody's first
 * choice (linkerd2-proxy: the load biaser). Says of no host that it is out.
 */
export class FailureBiasJudge implements HostJudge {
  readonly #penalty: FailurePenalty;
  readonly #clock: Clock;
  readonly #watched = new WeakSet<Host>();

  constructor(penalty: FailurePenalty, clock: Clock) {
    this.#penalty = penalty;
    this.#clock = clock;
  }

  follow(hosts: Iterable<Host>): void {
    for (const host of hosts) {
      if (this.#watched.has(host)) continue;
      this.#watched.add(host);
      host.watch(new FailureBias(host, this.#penalty, this.#clock));
    }
  }

  stop(): void {
    // Nothing runs by itself.
  }
}

class FailureBias implements HostMonitor {
  readonly #host: Host;
  readonly #penalty: FailurePenalty;
  readonly #clock: Clock;

  constructor(host: Host, penalty: FailurePenalty, clock: Clock) {
    this.#host = host;
    this.#penalty = penalty;
    this.#clock = clock;
  }

  /** The only one that counts: what comes behind the head comes too late for Linkerd as well. */
  onResponse(status: number, grpcStatus: number, headers: HeaderTable): void {
    const { rtt } = this.#host;
    if (rtt === undefined || !isFailure(status, grpcStatus)) return;
    const { maxRetryAfterMs, penaltyMs } = this.#penalty;
    const hintMs = Math.min(retryHintMs(headers, this.#clock.wall()), maxRetryAfterMs);
    rtt.raise(Math.max(penaltyMs, hintMs), this.#clock.now());
  }

  onStart(): void {
    // Nothing is known yet.
  }

  onConnected(): void {
    // Nothing is known yet.
  }

  onEnd(): void {
    // Its head has been judged.
  }

  onTimeout(): void {
    // It counts with the time that it took.
  }

  onReset(): void {
    // Likewise.
  }

  onCancel(): void {
    // Likewise.
  }

  onLateResponse(): void {
    // Likewise.
  }

  onLateReset(): void {
    // Likewise.
  }
}

function isFailure(status: number, grpcStatus: number): boolean {
  if (status >= 500 || status === 429) return true;
  switch (grpcStatus) {
    case GRPC_STATUS.UNKNOWN:
    case GRPC_STATUS.DEADLINE_EXCEEDED:
    case GRPC_STATUS.RESOURCE_EXHAUSTED:
    case GRPC_STATUS.INTERNAL:
    case GRPC_STATUS.UNAVAILABLE:
    case GRPC_STATUS.DATA_LOSS:
      return true;
    default:
      return false;
  }
}
