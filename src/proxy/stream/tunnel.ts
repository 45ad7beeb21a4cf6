// hot path: no allocation per request
import type { Attempt } from "../attempt.ts";
import type { Downstream } from "../downstream.ts";
import type { ResponseWriter } from "../reply/response-writer.ts";
import type { Timeouts } from "../retry/timeouts.ts";
import type { RequestAccount } from "../telemetry/account.ts";

/** An exchange after 101: bytes of another protocol, in both directions. */
export class Tunnel {
  readonly #down: Downstream;
  readonly #attempt: Attempt;
  readonly #account: RequestAccount;
  readonly #response: ResponseWriter;
  readonly #timeouts: Timeouts;

  constructor(
    down: Downstream,
    attempt: Attempt,
    account: RequestAccount,
    response: ResponseWriter,
    timeouts: Timeouts,
  ) {
    this.#down = down;
    this.#attempt = attempt;
    this.#account = account;
    this.#response = response;
    this.#timeouts = timeouts;
  }

  fromUpstream(bytes: Buffer, start: number, end: number): void {
    this.#timeouts.touch();
    this.#response.tunnel(bytes, start, end);
  }

  upstreamEnd(): void {
    this.#down.endTunnel();
  }

  fromClient(bytes: Buffer, start: number, end: number): void {
    this.#account.bodyBytesReceived += end - start;
    this.#account.wireBytesReceived += end - start;
    this.#timeouts.touch();
    this.#attempt.sendTunnel(bytes, start, end);
  }

  clientEnd(): void {
    this.#attempt.endTunnel();
  }
}
