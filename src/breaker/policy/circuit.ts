import type { Breaker, Outcome } from "../breaker.ts";
import { type Clock, systemClock } from "../clock.ts";
import {
  BadRequestError,
  CallTimeoutError,
  CircuitOpenError,
  HedgeLostError,
  RateLimitedError,
} from "../errors.ts";
import type { CallScope } from "./call-scope.ts";
import { BasePolicy, type Policy, type Work } from "./policy.ts";

export interface CircuitPolicyOptions {
  /** The clock of the breaker's other users, where it has some. */
  readonly clock?: Clock;
  /** In errors. Default "circuit". */
  readonly name?: string;
  /** What an error counts as. Default: `outcomeOf`. */
  readonly onError?: (error: unknown) => Outcome;
  /** What a result counts as. Default: success. */
  readonly onResult?: (result: unknown) => Outcome;
}

/**
 * What an error says of the service: a failure, unless the caller's arguments were wrong, another
 * try was faster or a rate limit of our own refused.
 */
export function outcomeOf(error: unknown): Outcome {
  const says =
    error instanceof BadRequestError ||
    error instanceof HedgeLostError ||
    error instanceof RateLimitedError;
  return says ? "ignored" : "failure";
}

class CircuitPolicy extends BasePolicy {
  readonly #breaker: Breaker;
  readonly #clock: Clock;
  readonly #name: string;
  readonly #onError: (error: unknown) => Outcome;
  readonly #onResult: ((result: unknown) => Outcome) | undefined;

  constructor(breaker: Breaker, options: CircuitPolicyOptions) {
    super();
    this.#breaker = breaker;
    this.#clock = options.clock ?? systemClock;
    this.#name = options.name ?? "circuit";
    this.#onError = options.onError ?? outcomeOf;
    this.#onResult = options.onResult;
  }

  protected async execute<T>(work: Work<T>, scope: CallScope): Promise<T> {
    const permit = this.#breaker.acquire(this.#clock.now());
    if (permit === 0) throw new CircuitOpenError(this.#name);
    let open = true;
    const record = (outcome: Outcome): void => {
      if (open) this.#breaker.record(outcome, this.#clock.now(), permit);
      open = false;
    };
    // A call that hangs may mind no signal: what gave it up is all that will be known of it.
    const forget = scope.isFree
      ? undefined
      : scope.watch((reason) => record(this.#givenUp(reason)));
    try {
      const value = await work(scope);
      record(this.#onResult?.(value) ?? "success");
      return value;
    } catch (error) {
      let outcome: Outcome = "failure";
      try {
        outcome = this.#onError(error);
      } finally {
        record(outcome);
      }
      throw error;
    } finally {
      forget?.();
    }
  }

  /** A caller that left says nothing of the service; one that waited in vain does. */
  #givenUp(reason: unknown): Outcome {
    return reason instanceof CallTimeoutError ? this.#onError(reason) : "ignored";
  }
}

/**
 * Asks `breaker` before each call, and tells it what became of it. An open one refuses with a
 * `CircuitOpenError`. Where calls are retried, put it inside the retry: it then sees each try.
 */
export function circuit(breaker: Breaker, options: CircuitPolicyOptions = {}): Policy {
  return new CircuitPolicy(breaker, options);
}
