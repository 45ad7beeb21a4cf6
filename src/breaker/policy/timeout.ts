import { type Clock, systemClock } from "../clock.ts";
import { Deadlines, type Waiting } from "../command/deadlines.ts";
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

/** A call that waits for its answer. */
class TimedCall<T> implements Waiting {
  readonly startedAt: number;
  earlier: Waiting | undefined = undefined;
  later: Waiting | undefined = undefined;
  readonly #policy: Timeout;
  readonly #scope: CallScope;
  readonly #resolve: (value: T) => void;
  readonly #reject: (reason: unknown) => void;
  #waits = true;

  constructor(
    policy: Timeout,
    outer: CallScope,
    resolve: (value: T) => void,
    reject: (reason: unknown) => void,
  ) {
    this.startedAt = policy.clock.now();
    this.#policy = policy;
    this.#scope = new CallScope(outer);
    this.#resolve = resolve;
    this.#reject = reject;
    if (!outer.isFree) this.#scope.watch((reason) => this.#giveUp(reason));
  }

  start(work: Work<T>): void {
    this.#policy.deadlines.add(this);
    invoke(work, this.#scope).then(
      (value) => {
        this.#end();
        this.#resolve(value);
      },
      (error) => this.#giveUp(error),
    );
  }

  expire(): void {
    const error = new CallTimeoutError(this.#policy.name, this.#policy.timeoutMs);
    this.#waits = false;
    this.#giveUp(error);
    this.#scope.expire(error);
  }

  /** Whether the call minds its signal or not: nobody waits any longer. */
  #giveUp(reason: unknown): void {
    this.#end();
    this.#reject(reason);
  }

  #end(): void {
    if (this.#waits) this.#policy.deadlines.remove(this);
    this.#waits = false;
    this.#scope.end();
  }
}

class Timeout extends BasePolicy {
  readonly timeoutMs: number;
  readonly name: string;
  readonly clock: Clock;
  /** One timer for all calls. */
  readonly deadlines: Deadlines;

  constructor({ timeoutMs, name = "timeout", clock = systemClock }: TimeoutOptions) {
    super();
    if (!(timeoutMs > 0)) throw new RangeError(`timeoutMs ${timeoutMs}: more than 0 is needed`);
    this.timeoutMs = timeoutMs;
    this.name = name;
    this.clock = clock;
    this.deadlines = new Deadlines(clock, timeoutMs);
  }

  protected execute<T>(work: Work<T>, outer: CallScope): Promise<T> {
    return new Promise((resolve, reject) => {
      new TimedCall<T>(this, outer, resolve, reject).start(work);
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
