// hot path: no allocation per request
import type { FrameWriter } from "../frame/frame-writer.ts";
import { type LocalSettings, WINDOW_AT_FIRST } from "../settings.ts";

/**
 * What the peer may send on all streams together (RFC 9113 section 5.2). It is given back whatever
 * becomes of the data, so that no stream holds up another; but what streams have got since they
 * were paused lies in somebody's queue. When they hold more than this window's size, and so more
 * than one of them alone can, all have to wait: a connection never has more than twice that.
 */
export class ReceiveWindow {
  readonly #size: number;
  readonly #heldMax: number;
  readonly #writer: FrameWriter;
  #left: number;
  /** Taken out of the window, and not yet given back. */
  #unacknowledged = 0;
  /** What paused streams have got. */
  #held = 0;

  constructor(settings: LocalSettings, writer: FrameWriter) {
    this.#size = Math.max(WINDOW_AT_FIRST, settings.initialConnectionWindowSize);
    this.#heldMax = Math.max(this.#size, settings.initialStreamWindowSize);
    this.#left = this.#size;
    this.#writer = writer;
  }

  /** A DATA frame begins; false where it is larger than the window. */
  take(bytes: number): boolean {
    this.#left -= bytes;
    return this.#left >= 0;
  }

  /** The frame is whole. */
  giveBack(bytes: number): void {
    this.#unacknowledged += bytes;
    this.#acknowledge();
  }

  /** A paused stream has got so much. */
  hold(bytes: number): void {
    this.#held += bytes;
  }

  /** It reads on, or has ended. */
  release(bytes: number): void {
    this.#held -= bytes;
    this.#acknowledge();
  }

  /** WINDOW_UPDATE, once half of the window has been used up. */
  #acknowledge(): void {
    const bytes = this.#unacknowledged;
    if (bytes * 2 < this.#size || this.#held > this.#heldMax) return;
    this.#unacknowledged = 0;
    this.#left += bytes;
    this.#writer.windowUpdate(0, bytes);
  }
}
