// hot path: no allocation per request
import type { Attempts } from "../retry/attempts.ts";
import type { RequestStream } from "../retry/request-stream.ts";
import type { RequestAccount } from "../telemetry/account.ts";

/** Back-pressure: a side that takes no more keeps the other side from being read. */
export class FlowControl {
  readonly #attempts: Attempts;
  readonly #request: RequestStream;
  readonly #account: RequestAccount;

  constructor(attempts: Attempts, request: RequestStream, account: RequestAccount) {
    this.#attempts = attempts;
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
    this.#account.heldUp = true;
    this.#account.cluster.count("upstream_flow_control_paused_reading_total");
    this.#attempts.current.pauseReading();
  }

  downstreamDrained(): void {
    this.#account.cluster.count("upstream_flow_control_resumed_reading_total");
    this.#attempts.current.resumeReading();
  }
}
