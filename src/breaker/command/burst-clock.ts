// hot path: no allocation per request
import type { Clock, Timer } from "../clock.ts";

/** So many readings so close to each other are a burst; one reading then serves as many. */
const READINGS = 32;
const BURST_MS = 0.1;

/** A burst that something held up for longer is remembered. */
const GAP_MS = 1;

/**
 * The machine's clock, which costs 40 ns a reading, half of what a guarded call may. In a burst, as
 * when calls end at once, a reading serves up to 31 more; when 32 take more than a tenth of a
 * millisecond, and in the next turn of the event loop, each has its own again. Where calls take
 * their time, all are exact.
 */
export class BurstClock implements Clock {
  readonly #clock: Clock;
  #last = 0;
  /** Of what is counted now: the first. */
  #first = 0;
  #count = 0;
  #isBurst = false;
  /** In a burst: how many more the last reading serves. */
  #left = 0;
  #ends: Timer | undefined;
  /** The last reading that was served for long, and until when. */
  #heldAt = Number.NaN;
  #heldUntil = 0;
  readonly #end = (): void => {
    this.#ends = undefined;
    this.#read();
    this.#isBurst = false;
    this.#count = READINGS - 1 - this.#left;
    this.#left = 0;
  };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    // What `#next` returned would make the result any value, to be boxed.
    if (this.#left === 0) this.#next();
    else this.#left--;
    return this.#last;
  }

  /**
   * When it was at the latest that a reading was asked for. Work that holds up the turn of the
   * event loop in which there was a burst makes a reading old: who counts a wait from it must not
   * count that.
   */
  latest(reading: number): number {
    if (this.#isBurst && reading === this.#last) this.#read();
    return reading === this.#heldAt ? this.#heldUntil : reading;
  }

  wall(): number {
    return this.#clock.wall();
  }

  after(delayMs: number, callback: () => void): Timer {
    return this.#clock.after(delayMs, callback);
  }

  /** Where no reading is left to serve. */
  #next(): void {
    if (this.#isBurst || ++this.#count === READINGS) this.#turn();
    else this.#last = this.#clock.now();
  }

  /** Whether so many readings were a burst. */
  #turn(): void {
    this.#read();
    const now = this.#last;
    this.#isBurst = now - this.#first < BURST_MS;
    this.#first = now;
    this.#count = 0;
    if (!this.#isBurst) return;
    this.#left = READINGS - 1;
    this.#ends ??= this.#clock.after(0, this.#end);
  }

  #read(): void {
    const now = this.#clock.now();
    if (this.#isBurst && now - this.#last > GAP_MS) {
      this.#heldAt = this.#last;
      this.#heldUntil = now;
    }
    this.#last = now;
  }
}
