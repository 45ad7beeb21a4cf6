import type { Clock } from "../clock.ts";
import type { CallScope } from "./call-scope.ts";

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
