import type { Random } from "../../base/random.ts";

const BASE_MS = 500;
const MAX_MS = 30_000;
const DOUBLINGS_MAX = 16;

/**
 * How long to wait before a configuration stream is opened again: 500 ms, doubled up to 30 s, of
 * which chance takes up to a half, so that a fleet does not come back at once.
 */
export class StreamBackOff {
  readonly #random: Random;
  #failures = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** After one more failure; milliseconds. */
  next(): number {
    const ceiling = Math.min(MAX_MS, BASE_MS * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, DOUBLINGS_MAX);
    return Math.ceil(ceiling * (0.5 + this.#random.next() / 2));
  }

  /** The stream works. */
  reset(): void {
    this.#failures = 0;
  }
}
