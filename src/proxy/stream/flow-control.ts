// hot path: no allocation per request
import type { Attempt } from "../attempt.ts";
import type { RequestStream } from "../retry/request-stream.ts";
import type { RequestAccount } from "../telemetry/account.ts";

/** Back-pressure: a side that takes no more keeps the other side from being read. */
export class FlowControl {
  readonly #attempt: Attempt;
  readonly #request: RequestStream;
  readonly #account: RequestAccount;

  constructor(attempt: Attempt, request: RequestStream, account: RequestAccount) {
    this.#attempt = attempt;
    this.#request = request;
    this.#account = account;
  }

  upstreamBlocked(): void {
    this.#request.pause();
  }

  upstreamDrained(): void {
    this.#request.resume();
  }

  downstreamBlocked(): void {
    this.#account.cluster.count("upstream_flow_control_paused_reading_total");
    this.#attempt.pauseReading();
  }

  downstreamDrained(): void {
    this.#account.cluster.count("upstream_flow_control_resumed_reading_total");
    this.#attempt.resumeReading();
  }
}
