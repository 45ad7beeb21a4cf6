import type { Chance, Clock } from "../clock.ts";
import type { CallScope } from "./call-scope.ts";

export interface BackOff {
  /** The longest wait before the first repetition; doubled for each further one. Default 100 ms. */
  readonly baseMs?: number;
  /** The longest of all. Default 5 s. */
  readonly maxMs?: number;
}

/**
 * The wait before the `repetition`th try again (0 is the first): anything from 0 to the bound, so
 * that callers who failed together do not come back together ("full jitter").
 */
export function backOffMs(
  { baseMs = 100, maxMs = 5000 }: BackOff,
  repetition: number,
  chance: Chance,
): number {
  return chance() * Math.min(maxMs, baseMs * 2 ** repetition);
}

/** Resolves after `delayMs`; rejects with the reason when the call is given up before. */
export function pause(delayMs: number, clock: Clock, scope: CallScope): Promise<void> {
  if (scope.aborted) return Promise.reject(scope.reason);
  return new Promise((resolve, reject) => {
    const timer = clock.after(delayMs, () => {
      forget();
      resolve();
    });
    const forget = scope.watch((reason) => {
      timer.cancel();
      reject(reason);
    });
  });
}
