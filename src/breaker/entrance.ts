/** Runs something later, as if its maker had. */
export type Entrance = (what: () => void) => void;

const run = (what: () => void): void => what();

/**
 * A way back into who makes it: one timer serves all calls, and what a late call runs must find its
 * own caller's `AsyncLocalStorage`, not that of whoever set the timer. What waits for a promise
 * keeps it, everywhere; and imports nothing.
 */
export function entrance(): Entrance {
  const { promise, resolve } = Promise.withResolvers<() => void>();
  void promise.then(run);
  return resolve;
}
