// hot path: no allocation per request
import type { Clock, Timer } from "../clock.ts";

/** Something that may come to wait too long. Its links are the list's. */
export interface Waiting {
  /** When it began to wait. */
  readonly startedAt: number;
  earlier: Waiting | undefined;
  later: Waiting | undefined;
  /** It has waited too long. It is in the list no more. */
  expire(): void;
}

/** How soon the timer looks whether anything is left. */
const LOOK_MS = 20;

/**
 * The deadlines of calls that may all take equally long, so that who comes first is due first: one
 * timer serves them all, and a call that ends in time costs no timer. A deadline is kept as exactly
 * as the machine keeps timers (1 ms). No timer outlives the calls by more than 20 ms: it looks for
 * them 20 ms after the first, and only where some are left waits for the next deadline.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  #first: Waiting | undefined;
  #last: Waiting | undefined;
  #timer: Timer | undefined;
  /** The timer waits for a deadline, and is called off when there is none any more. */
  #isLong = false;
  readonly #look = (): void => this.#onTimer();

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  get isArmed(): boolean {
    return this.#timer !== undefined;
  }

  /** It started no earlier than the last one did. */
  add(waiting: Waiting): void {
    waiting.earlier = this.#last;
    if (this.#last === undefined) this.#first = waiting;
    else this.#last.later = waiting;
    this.#last = waiting;
    if (this.#timer === undefined) this.#arm(Math.min(LOOK_MS, this.#timeoutMs), false);
  }

  remove(waiting: Waiting): void {
    const { earlier, later } = waiting;
    if (earlier === undefined) this.#first = later;
    else earlier.later = later;
    if (later === undefined) this.#last = earlier;
    else later.earlier = earlier;
    waiting.earlier = undefined;
    waiting.later = undefined;
    if (this.#isLong && this.#first === undefined) this.#disarm();
  }

  #arm(delayMs: number, isLong: boolean): void {
    this.#isLong = isLong;
    this.#timer = this.#clock.after(delayMs, this.#look);
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#isLong = false;
  }

  #onTimer(): void {
    this.#timer = undefined;
    this.#isLong = false;
    const now = this.#clock.now();
    let first = this.#first;
    while (first !== undefined && first.startedAt + this.#timeoutMs <= now) {
      this.remove(first);
      first.expire();
      first = this.#first;
    }
    if (first === undefined || this.#timer !== undefined) return;
    this.#arm(Math.ceil(first.startedAt + this.#timeoutMs - now), true);
  }
}
