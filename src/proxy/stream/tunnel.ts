// hot path: no allocation per request
import type { ResponseMessage } from "../../codec/http/message.ts";
import type { Downstream } from "../downstream.ts";
import type { ResponseWriter } from "../reply/response-writer.ts";
import type { Attempts } from "../retry/attempts.ts";
import type { Timeouts } from "../retry/timeouts.ts";
import type { RequestAccount } from "../telemetry/account.ts";

/** An exchange after 101, or 2xx to CONNECT: bytes of another protocol, in both directions. */
export class Tunnel {
  readonly #down: Downstream;
  readonly #attempts: Attempts;
  readonly #account: RequestAccount;
  readonly #response: ResponseWriter;
  readonly #timeouts: Timeouts;

  constructor(
    down: Downstream,
    attempts: Attempts,
    account: RequestAccount,
    response: ResponseWriter,
    timeouts: Timeouts,
  ) {
    this.#down = down;
    this.#attempts = attempts;
    this.#account = account;
    this.#response = response;
    this.#timeouts = timeouts;
  }

  /** The upstream has agreed; the headers of a 2xx are what the client shall get. */
  open(head: ResponseMessage, nowMs: number): void {
    this.#timeouts.stopRoute();
    this.#account.details = "via_upstream";
    if (head.status === 101) this.#response.switchProtocols(head, nowMs);
    else this.#response.connected(head, nowMs);
    this.#down.startTunnel();
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
    this.#attempts.current.sendTunnel(bytes, start, end);
  }

  clientEnd(): void {
    this.#attempts.current.endTunnel();
  }
}
