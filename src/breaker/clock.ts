/** A timer that can be called off. */
export interface Timer {
  cancel(): void;
}

/** Time, for policies and circuits. Tests give one that stands still until they move it. */
export interface Clock {
  /** Milliseconds since an arbitrary moment; never goes back. May have fractions. */
  now(): number;
  /** Milliseconds since 1970-01-01T00:00:00Z; for what people read, never for durations. */
  wall(): number;
  /** Runs `callback` once, `delayMs` from now. */
  after(delayMs: number, callback: () => void): Timer;
}

/** Chance in [0, 1). */
export type Chance = () => number;

/** The machine's longest timer, 24 days; what is set for longer would run at once. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Keeps the process alive while it runs: somebody waits for what it does, and whoever no longer
 * does calls it off.
 */
class SystemTimer implements Timer {
  #handle: ReturnType<typeof setTimeout>;

  constructor(delayMs: number, callback: () => void) {
    this.#handle =
      delayMs <= LONGEST_MS
        ? setTimeout(callback, delayMs)
        : setTimeout(() => this.#goOn(delayMs - LONGEST_MS, callback), LONGEST_MS);
  }

  #goOn(delayMs: number, callback: () => void): void {
    this.#handle = new SystemTimer(delayMs, callback).#handle;
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }
}

/** The only place of this room that asks the machine for time and chance. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (delayMs, callback) => new SystemTimer(delayMs, callback),
};

export const systemChance: Chance = () => Math.random();
