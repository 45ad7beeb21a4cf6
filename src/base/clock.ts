/**
 * Time comes in by parameter, so that tests can move it. `systemClock` is the only place outside
 * the programs' entry points that asks the machine.
 */

/** A timer that can be called off. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since an arbitrary moment; never goes back. May have fractions. */
  now(): number;
  /** Milliseconds since 1970-01-01T00:00:00Z; for log lines, never for durations. */
  wall(): number;
  /** Runs `callback` once, `delayMs` from now. The timer keeps no process alive. */
  after(delayMs: number, callback: () => void): Timer;
}

/** The machine's longest timer, 24 days; what is set for longer would run at once. */
const LONGEST_MS = 2 ** 31 - 1;

class SystemTimer implements Timer {
  #handle: NodeJS.Timeout;

  constructor(delayMs: number, callback: () => void) {
    this.#handle =
      delayMs <= LONGEST_MS
        ? setTimeout(callback, delayMs)
        : setTimeout(() => this.#goOn(delayMs - LONGEST_MS, callback), LONGEST_MS);
    this.#handle.unref();
  }

  #goOn(delayMs: number, callback: () => void): void {
    this.#handle = new SystemTimer(delayMs, callback).#handle;
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (delayMs, callback) => new SystemTimer(delayMs, callback),
};

interface Pending {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock that stands still until a test moves it. */
export class VirtualClock implements Clock {
  #now = 0;
  #order = 0;
  readonly #wallAtStart: number;
  readonly #pending = new Set<Pending>();

  constructor(wallAtStart = 1_700_000_000_000) {
    this.#wallAtStart = wallAtStart;
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#wallAtStart + this.#now;
  }

  after(delayMs: number, callback: () => void): Timer {
    const pending = { at: this.#now + Math.max(0, delayMs), order: this.#order++, callback };
    this.#pending.add(pending);
    return { cancel: () => this.#pending.delete(pending) };
  }

  /** Moves time on and runs, in order, every timer that falls due on the way. */
  advance(durationMs: number): void {
    const end = this.#now + durationMs;
    for (let next = this.#nextDue(end); next !== undefined; next = this.#nextDue(end)) {
      this.#pending.delete(next);
      this.#now = next.at;
      next.callback();
    }
    this.#now = end;
  }

  #nextDue(end: number): Pending | undefined {
    let best: Pending | undefined;
    for (const pending of this.#pending) {
      if (pending.at > end) continue;
      const sooner =
        best === undefined ||
        pending.at < best.at ||
        (pending.at === best.at && pending.order < best.order);
      if (sooner) best = pending;
    }
    return best;
  }
}
