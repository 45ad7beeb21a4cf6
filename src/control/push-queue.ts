import type { Clock, Timer } from "../base/clock.ts";

/** A change waits until nothing else has changed for this long. */
const QUIET_MS = 25;
/** However much goes on changing, nobody waits longer than this. */
const WAIT_MAX_MS = 250;

/**
 * Gathers changes into pushes. Configuration comes in bursts (a folder is copied, an editor saves
 * all files), so it waits for quiet. Endpoints go at once, with whatever else is waiting: a pod
 * that is going away must stop receiving requests now. How many answers may be outstanding on one
 * stream is the ADS server's business.
 */
export class PushQueue {
  readonly #clock: Clock;
  readonly #push: () => void;
  #waiting: Timer | undefined;
  #firstAt = 0;

  constructor(clock: Clock, push: () => void) {
    this.#clock = clock;
    this.#push = push;
  }

  configurationChanged(): void {
    const now = this.#clock.now();
    if (this.#waiting === undefined) this.#firstAt = now;
    this.#waiting?.cancel();
    const left = Math.max(0, this.#firstAt + WAIT_MAX_MS - now);
    this.#waiting = this.#clock.after(Math.min(QUIET_MS, left), () => this.#run());
  }

  endpointsChanged(): void {
    this.#waiting?.cancel();
    this.#run();
  }

  stop(): void {
    this.#waiting?.cancel();
    this.#waiting = undefined;
  }

  #run(): void {
    this.#waiting = undefined;
    this.#push();
  }
}
