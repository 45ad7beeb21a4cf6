import type { Socket } from "node:net";
import type { Clock } from "../../base/clock.ts";
import type { Deadline } from "../deadline.ts";

/** How long a closed connection may still send what nobody reads (Envoy: delayed close). */
const LINGER_MS = 1000;
/** A client that takes none of its response's rest for so long gets no more of it. */
const STALLED_MS = 30_000;

/**
 * The end of a client's connection: what is left is sent, as long as the client takes it, and then
 * the client has a moment to close.
 */
export class Lingering {
  readonly #socket: Socket;
  readonly #timer: Deadline;
  readonly #clock: Clock;
  /** Bytes that were left to send when last looked at. */
  #unsent = 0;

  constructor(socket: Socket, timer: Deadline, clock: Clock) {
    this.#socket = socket;
    this.#timer = timer;
    this.#clock = clock;
  }

  /** No response is complete any more: the connection ends behind what has been written. */
  begin(): void {
    this.#unsent = this.#socket.writableLength;
    this.#timer.set(this.#clock.now(), this.#unsent > 0 ? STALLED_MS : LINGER_MS);
  }

  /** The timer has fired. */
  onDeadline(): void {
    const unsent = this.#socket.writableLength;
    if (unsent === 0 || unsent === this.#unsent) {
      this.#socket.destroy();
      return;
    }
    this.#unsent = unsent;
    this.#timer.set(this.#clock.now(), STALLED_MS);
  }
}
