import { type Clock, systemClock } from "../clock.ts";
import { CallTimeoutError } from "../errors.ts";
import { CallScope } from "./call-scope.ts";
import { BasePolicy, invoke, type Policy, type Work } from "./policy.ts";

export interface TimeoutOptions {
  /** For the whole of what is inside. More than 0. */
  readonly timeoutMs: number;
  /** In errors. Default "timeout". */
  readonly name?: string;
  readonly clock?: Clock;
}

class Timeout extends BasePolicy {
  readonly #timeoutMs: number;
  readonly #name: string;
  readonly #clock: Clock;

  constructor({ timeoutMs, name = "timeout", clock = systemClock }: TimeoutOptions) {
    super();
    if (!(timeoutMs > 0)) throw new RangeError(`timeoutMs ${timeoutMs}: more than 0 is needed`);
    this.#timeoutMs = timeoutMs;
    this.#name = name;
    this.#clock = clock;
  }

  protected execute<T>(work: Work<T>, outer: CallScope): Promise<T> {
    return new Promise((resolve, reject) => {
      const scope = new CallScope(outer);
      const timer = this.#clock.after(this.#timeoutMs, () =>
        scope.abort(new CallTimeoutError(this.#name, this.#timeoutMs)),
      );
      const over = (): void => {
        timer.cancel();
        scope.end();
      };
      // Whoever gives up, and whether the call minds its signal or not: nobody waits longer.
      scope.watch((reason) => {
        over();
        reject(reason);
      });
      invoke(work, scope).finally(over).then(resolve, reject);
    });
  }
}

/**
 * Rejects with a `CallTimeoutError` when there is no answer in time, and aborts the call's signal
 * with it. A call that does not mind its signal goes on unseen; a bulkhead inside still counts it.
 */
export function timeout(options: TimeoutOptions | number): Policy {
  return new Timeout(typeof options === "number" ? { timeoutMs: options } : options);
}
