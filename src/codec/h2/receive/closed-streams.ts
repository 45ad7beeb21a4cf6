// hot path: no allocation per request

/** Streams that ended by themselves: only what the peer is told differs. */
const ENDED_KEPT = 32;
/** Streams that this side has reset: the peer goes on sending until it hears of that. */
const RESET_KEPT = 1024;
const NO_IDS = new Uint32Array(0);

/** How a stream that is no longer open came to its end; `forgotten` where nobody knows. */
export type Ending = "ended" | "reset" | "forgotten";

/** The streams closed last (RFC 9113 section 5.1: what comes for them depends on how they ended). */
export class ClosedStreams {
  readonly #ended = new Uint32Array(ENDED_KEPT);
  #endedAt = 0;
  #reset = NO_IDS;
  #resetAt = 0;

  add(id: number, reset: boolean): void {
    if (!reset) {
      this.#ended[this.#endedAt] = id;
      this.#endedAt = (this.#endedAt + 1) % ENDED_KEPT;
      return;
    }
    if (this.#reset.length === 0) this.#reset = new Uint32Array(RESET_KEPT);
    this.#reset[this.#resetAt] = id;
    this.#resetAt = (this.#resetAt + 1) % RESET_KEPT;
  }

  endingOf(id: number): Ending {
    if (this.#reset.includes(id)) return "reset";
    return this.#ended.includes(id) ? "ended" : "forgotten";
  }
}
