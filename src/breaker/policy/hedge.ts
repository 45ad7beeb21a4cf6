import { type Clock, systemClock, type Timer } from "../clock.ts";
import { HedgeLostError } from "../errors.ts";
import { CallScope } from "./call-scope.ts";
import { BasePolicy, invoke, type Policy, type Work } from "./policy.ts";
import { RetryBudget } from "./retry/retry-budget.ts";

export interface HedgeOptions {
  /** How long to wait for an answer before each further try: about the 95th percentile. */
  readonly delayMs: number | (() => number);
  /** Tries after the first one. Default 1. */
  readonly maxHedges?: number;
  /** Default: one for this policy, of 20 % and one a second. Share one among policies. */
  readonly budget?: RetryBudget;
  /** Hears of answers that came too late, to free what they hold (a body's connection). */
  readonly discard?: (result: unknown) => void;
  /** In the reason of the losers' signals. Default "hedge". */
  readonly name?: string;
  readonly clock?: Clock;
}

export interface Hedge extends Policy {
  readonly budget: RetryBudget;
  /** Since it was made: further tries, and calls that one of them answered. */
  readonly hedged: number;
  readonly won: number;
}

type Settings = Required<HedgeOptions>;

interface Counts {
  hedged: number;
  won: number;
}

/** The tries of one call. */
class Race<T> {
  readonly answer: Promise<T>;
  readonly #settle: PromiseWithResolvers<T> = Promise.withResolvers<T>();
  readonly #settings: Settings;
  readonly #counts: Counts;
  readonly #work: Work<T>;
  readonly #outer: CallScope;
  readonly #forget: () => void;
  readonly #running = new Set<CallScope>();
  #timer: Timer | undefined;
  #started = 0;
  #over = false;

  constructor(settings: Settings, counts: Counts, work: Work<T>, outer: CallScope) {
    this.answer = this.#settle.promise;
    this.#settings = settings;
    this.#counts = counts;
    this.#work = work;
    this.#outer = outer;
    this.#forget = outer.watch((reason) => this.#giveUp(reason));
    this.#start();
  }

  #start(): void {
    const attempt = this.#started++;
    const scope = new CallScope(this.#outer, this.#outer.attempt + attempt);
    this.#running.add(scope);
    this.#wait();
    if (this.#over) return;
    invoke(this.#work, scope).then(
      (value) => this.#answered(scope, value, attempt),
      (error) => this.#failed(scope, error),
    );
  }

  #wait(): void {
    const { delayMs, maxHedges, clock } = this.#settings;
    const { repeatable = "always" } = this.#outer;
    if (this.#started > maxHedges || repeatable !== "always") return;
    try {
      const after = typeof delayMs === "number" ? delayMs : delayMs();
      this.#timer = clock.after(after, () => this.#hedge());
    } catch (error) {
      this.#giveUp(error);
      for (const running of this.#running) running.abort(error);
    }
  }

  #hedge(): void {
    const { budget, clock } = this.#settings;
    if (!budget.take(clock.now())) return;
    this.#counts.hedged++;
    this.#start();
  }

  #giveUp(reason: unknown): void {
    this.#end();
    this.#settle.reject(reason);
  }

  #answered(scope: CallScope, value: T, attempt: number): void {
    if (this.#over) return this.#settings.discard(value);
    this.#leave(scope);
    this.#end();
    for (const loser of this.#running) loser.abort(new HedgeLostError(this.#settings.name));
    if (attempt > 0) this.#counts.won++;
    this.#settle.resolve(value);
  }

  /** Where all fail, the last failure counts. A failed try is not repeated: that is retry's. */
  #failed(scope: CallScope, error: unknown): void {
    if (this.#over) return;
    this.#leave(scope);
    if (this.#running.size > 0) return;
    this.#end();
    this.#settle.reject(error);
  }

  #leave(scope: CallScope): void {
    this.#running.delete(scope);
    scope.end();
  }

  #end(): void {
    this.#over = true;
    this.#timer?.cancel();
    this.#forget();
  }
}

class DelayedHedge extends BasePolicy implements Hedge {
  readonly budget: RetryBudget;
  readonly #settings: Settings;
  hedged = 0;
  won = 0;

  constructor(options: HedgeOptions) {
    super();
    this.budget = options.budget ?? new RetryBudget();
    this.#settings = {
      maxHedges: 1,
      discard: () => undefined,
      name: "hedge",
      clock: systemClock,
      ...options,
      budget: this.budget,
    };
  }

  protected execute<T>(work: Work<T>, outer: CallScope): Promise<T> {
    this.budget.count(this.#settings.clock.now());
    return new Race(this.#settings, this, work, outer).answer;
  }
}

/**
 * Where an answer is late, asks again and takes what comes first; the others' signals are aborted
 * with a `HedgeLostError`. Only for calls that may run twice; those that say that they may not
 * (`repeatable`) are made once. Against slow servers, where a retry
 * would have to wait for a timeout.
 */
export function hedge(options: HedgeOptions | number): Hedge {
  return new DelayedHedge(typeof options === "number" ? { delayMs: options } : options);
}
