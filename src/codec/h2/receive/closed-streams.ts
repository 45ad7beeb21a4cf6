// hot path: no allocation per request

/** Streams that ended by themselves or by the peer: what that is told differs. */
const ENDED_KEPT = 32;
/** Streams that this side has reset: the peer goes on sending until it hears of that. */
const RESET_KEPT = 1024;
/** Set in the number of a stream that the peer has reset; ids have 31 bits. */
const ABORTED = 0x8000_0000;
const NO_IDS = new Uint32Array(0);

/**
 * How a stream came to its end: with both sides' END_STREAM, reset here, reset by the peer, or
 * nobody knows any more.
 */
export type Ending = "ended" | "reset" | "aborted" | "forgotten";

/** How the streams closed last have ended: that decides what becomes of late frames. */
export class ClosedStreams {
  readonly #ended = new Uint32Array(ENDED_KEPT);
  #endedAt = 0;
  #reset = NO_IDS;
  #resetAt = 0;

  add(id: number, ending: Ending): void {
    if (ending !== "reset") {
      this.#ended[this.#endedAt] = ending === "aborted" ? id + ABORTED : id;
      this.#endedAt = (this.#endedAt + 1) % ENDED_KEPT;
      return;
    }
    if (this.#reset.length === 0) this.#reset = new Uint32Array(RESET_KEPT);
    this.#reset[this.#resetAt] = id;
    this.#resetAt = (this.#resetAt + 1) % RESET_KEPT;
  }

  endingOf(id: number): Ending {
    if (this.#reset.includes(id)) return "reset";
    if (this.#ended.includes(id)) return "ended";
    return this.#ended.includes(id + ABORTED) ? "aborted" : "forgotten";
  }
}
