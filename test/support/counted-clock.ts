import { type Timer, VirtualClock } from "../../src/base/clock.ts";

/** Time that stands still, and knows what waits for it. */
export class CountedClock extends VirtualClock {
  readonly #waiting = new Set<Timer>();

  /** Timers that have neither run nor been called off. */
  get timers(): number {
    return this.#waiting.size;
  }

  override after(delayMs: number, callback: () => void): Timer {
    const inner = super.after(delayMs, () => {
      this.#waiting.delete(timer);
      callback();
    });
    const timer: Timer = {
      cancel: () => {
        this.#waiting.delete(timer);
        inner.cancel();
      },
    };
    this.#waiting.add(timer);
    return timer;
  }
}
