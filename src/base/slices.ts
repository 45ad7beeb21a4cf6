import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "./clock.ts";

/** How long one turn of the event loop may work. Traffic is served in between. */
const SLICE_MS = 4;

/** Long work in short turns: a generator yields wherever it can be interrupted. */
export class Slices {
  readonly #clock: Clock;
  #start = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A new turn has begun; what follows shares it. */
  begin(): void {
    this.#start = this.#clock.now();
  }

  /** Runs to the end; resolves without another turn where there is little to do. */
  async run<T>(steps: Generator<void, T>): Promise<T> {
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
      if (this.#clock.now() - this.#start < SLICE_MS) continue;
      await nextTurn();
      this.begin();
    }
  }
}
