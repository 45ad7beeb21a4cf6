import { type Clock, systemClock } from "../clock.ts";
import { BulkheadFullError, BulkheadWaitError } from "../errors.ts";
import type { CallScope } from "./call-scope.ts";
import { BasePolicy, type Policy, type Work } from "./policy.ts";

export interface BulkheadOptions {
  /** Calls at one time. Default 10, as Hystrix's semaphore. */
  readonly maxConcurrent?: number;
  /** Calls that wait for their turn, first come, first served. Default 0: none waits. */
  readonly maxQueue?: number;
  /** How long one waits at most. Default: until its caller gives up. */
  readonly maxWaitMs?: number;
  /** In errors. Default "bulkhead". */
  readonly name?: string;
  readonly clock?: Clock;
}

export interface Bulkhead extends Policy {
  readonly running: number;
  readonly queued: number;
  /** Since it was made. */
  readonly rejected: number;
}

class SemaphoreBulkhead extends BasePolicy implements Bulkhead {
  readonly #options: Required<Omit<BulkheadOptions, "maxWaitMs">>;
  readonly #maxWaitMs: number | undefined;
  /** In the order of their coming; each takes the place of one that has ended. */
  readonly #waiting = new Set<() => void>();
  running = 0;
  rejected = 0;

  constructor({ maxWaitMs, ...options }: BulkheadOptions) {
    super();
    this.#maxWaitMs = maxWaitMs;
    const defaults = { maxConcurrent: 10, maxQueue: 0, name: "bulkhead", clock: systemClock };
    this.#options = { ...defaults, ...options };
    const { maxConcurrent, maxQueue } = this.#options;
    if (!(maxConcurrent >= 1)) throw new RangeError(`maxConcurrent ${maxConcurrent}: at least 1`);
    if (!(maxQueue >= 0)) throw new RangeError(`maxQueue ${maxQueue}: at least 0`);
  }

  get queued(): number {
    return this.#waiting.size;
  }

  protected async execute<T>(work: Work<T>, scope: CallScope): Promise<T> {
    const { maxConcurrent, maxQueue, name } = this.#options;
    if (this.running < maxConcurrent) {
      this.running++;
    } else {
      if (this.#waiting.size >= maxQueue) return this.#reject(new BulkheadFullError(name));
      await this.#turn(scope);
    }
    try {
      return await work(scope);
    } finally {
      this.#pass();
    }
  }

  #reject(error: Error): never {
    this.rejected++;
    throw error;
  }

  /** Resolves with a permit in hand; rejects without one. */
  #turn(scope: CallScope): Promise<void> {
    const { name, clock } = this.#options;
    const maxWaitMs = this.#maxWaitMs;
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        timer?.cancel();
        forget();
        this.#waiting.delete(start);
      };
      const start = (): void => {
        leave();
        resolve();
      };
      const timer =
        maxWaitMs === undefined
          ? undefined
          : clock.after(maxWaitMs, () => {
              leave();
              this.rejected++;
              reject(new BulkheadWaitError(name, maxWaitMs));
            });
      const forget = scope.watch((reason) => {
        leave();
        reject(reason);
      });
      this.#waiting.add(start);
    });
  }

  /** Hands a permit on, or back. */
  #pass(): void {
    for (const start of this.#waiting) {
      start();
      return;
    }
    this.running--;
  }
}

/**
 * So many calls at one time. What is over waits, or is refused with a `BulkheadFullError`. A permit
 * is held until the call has really ended: put a `timeout` inside to have it back at the timeout.
 */
export function bulkhead(options: BulkheadOptions | number = {}): Bulkhead {
  return new SemaphoreBulkhead(typeof options === "number" ? { maxConcurrent: options } : options);
}
