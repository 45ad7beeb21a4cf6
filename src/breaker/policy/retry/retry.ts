import { type Chance, type Clock, systemChance, systemClock } from "../../clock.ts";
import { BadRequestError } from "../../errors.ts";
import { CallScope } from "../call-scope.ts";
import { pause } from "../pause.ts";
import { BasePolicy, type Policy, type Work } from "../policy.ts";
import { type BackOff, backOffMs } from "./back-off.ts";
import { RetryBudget } from "./retry-budget.ts";
import { isRetryable, retryAfterMs, wasNeverSent } from "./retryable.ts";

export interface RetryOptions {
  /** Tries after the first one. Default 2. */
  readonly retries?: number;
  /**
   * Calls may run twice, but for those that say otherwise themselves (`repeatable`). Default false:
   * repeated is only what was certainly never sent, since a call that broke off may have been
   * executed all the same.
   */
  readonly idempotent?: boolean;
  /** Which errors to repeat after, in place of the rule above. */
  readonly on?: (error: unknown) => boolean;
  /** Which results to repeat after; the last one is returned as it is. Default: none. */
  readonly onResult?: (result: unknown) => boolean;
  /** Hears of each result that is not returned, to free what it holds (a body's connection). */
  readonly discard?: (result: unknown) => void;
  readonly backOff?: BackOff;
  /**
   * A server that asks for a longer wait (`Retry-After`) is not asked again: to come back sooner
   * would be rude, to wait useless. Default 10 s.
   */
  readonly maxRetryAfterMs?: number;
  /** Default: one for this policy, of 20 % and one a second. Share one among policies. */
  readonly budget?: RetryBudget;
  readonly onRetry?: (event: RetryEvent) => void;
  readonly clock?: Clock;
  readonly chance?: Chance;
}

export interface RetryEvent {
  /** 1 for the first repetition. */
  readonly attempt: number;
  readonly delayMs: number;
  /** What the try before failed with; undefined where its result was not good. */
  readonly error: unknown;
}

export interface Retry extends Policy {
  readonly budget: RetryBudget;
  /** Repetitions, since it was made. */
  readonly retried: number;
}

type Outcome<T> = { readonly value: T } | { readonly error: unknown };

class BackingOffRetry extends BasePolicy implements Retry {
  readonly budget: RetryBudget;
  readonly #retries: number;
  readonly #maxRetryAfterMs: number;
  readonly #options: RetryOptions;
  readonly #clock: Clock;
  readonly #chance: Chance;
  retried = 0;

  constructor(options: RetryOptions) {
    super();
    this.#options = options;
    this.#retries = options.retries ?? 2;
    if (!(this.#retries >= 0)) throw new RangeError(`retries ${this.#retries}: at least 0`);
    this.#maxRetryAfterMs = options.maxRetryAfterMs ?? 10_000;
    this.#clock = options.clock ?? systemClock;
    this.#chance = options.chance ?? systemChance;
    this.budget = options.budget ?? new RetryBudget();
  }

  protected async execute<T>(work: Work<T>, outer: CallScope): Promise<T> {
    this.budget.count(this.#clock.now());
    for (let repetition = 0; ; repetition++) {
      const outcome = await this.#try(work, outer, repetition);
      const delayMs = this.#delay(outcome, repetition, outer);
      if (delayMs === undefined) {
        if ("error" in outcome) throw outcome.error;
        return outcome.value;
      }
      await this.#again(outcome, repetition + 1, delayMs, outer);
    }
  }

  async #try<T>(work: Work<T>, outer: CallScope, repetition: number): Promise<Outcome<T>> {
    const scope = CallScope.passive(outer, outer.attempt + repetition);
    try {
      return { value: await work(scope) };
    } catch (error) {
      return { error };
    } finally {
      scope.end();
    }
  }

  /** How long to wait before another try; undefined: this outcome stands. */
  #delay(outcome: Outcome<unknown>, repetition: number, outer: CallScope): number | undefined {
    if (repetition >= this.#retries || outer.aborted || !this.#isToRepeat(outcome, outer)) {
      return undefined;
    }
    const what = "error" in outcome ? outcome.error : outcome.value;
    const askedMs = retryAfterMs(what, this.#clock.wall());
    if (askedMs !== undefined && askedMs > this.#maxRetryAfterMs) return undefined;
    if (!this.budget.take(this.#clock.now())) return undefined;
    const ownMs = backOffMs(this.#options.backOff ?? {}, repetition, this.#chance);
    // After, not at, the moment that all the others were told as well.
    return (askedMs ?? 0) + ownMs;
  }

  #isToRepeat(outcome: Outcome<unknown>, { repeatable }: CallScope): boolean {
    const { on, onResult, idempotent = false } = this.#options;
    if (repeatable === "never") return false;
    if (!("error" in outcome)) {
      return repeatable !== "unsent" && onResult?.(outcome.value) === true;
    }
    const { error } = outcome;
    if (error instanceof BadRequestError) return false;
    if (repeatable === "unsent" && !wasNeverSent(error)) return false;
    return on === undefined ? isRetryable(error, idempotent || repeatable === "always") : on(error);
  }

  async #again(
    outcome: Outcome<unknown>,
    attempt: number,
    delayMs: number,
    outer: CallScope,
  ): Promise<void> {
    this.retried++;
    const failed = "error" in outcome;
    this.#options.onRetry?.({ attempt, delayMs, error: failed ? outcome.error : undefined });
    if (!failed) this.#options.discard?.(outcome.value);
    await pause(delayMs, this.#clock, outer);
  }
}

/** Tries again: within a budget, after a random wait, and only what may safely run again. */
export function retry(options: RetryOptions = {}): Retry {
  return new BackingOffRetry(options);
}
