import { type Clock, systemClock, type Timer } from "../clock.ts";
import type { Command } from "../command/command.ts";
import { PerContext, type RequestContext } from "./request-context.ts";

export interface CollapserOptions<A> {
  /** How long the first of a batch waits for others. Default 10 ms, as Hystrix. */
  readonly timerDelayInMilliseconds?: number;
  /** A batch of so many does not wait any longer. Default 100. */
  readonly maxRequestsInBatch?: number;
  /** Arguments with the same key are asked for once in a batch. */
  readonly key?: (arg: A) => unknown;
  /** Collapse only what belongs to one context; outside of every one, all calls of all. */
  readonly context?: RequestContext;
  /** The command that the batched function is: calls that are part of one count as its events. */
  readonly breaker?: Command;
  readonly clock?: Clock;
}

export interface Collapsed<A, R> {
  /** `signal`: whoever has left is not asked for, where the batch has not gone yet. */
  (arg: A, signal?: AbortSignal): Promise<R>;
  /** Since it was made. */
  readonly counts: CollapserCounts;
}

/** Under Hystrix's names for a collapser's events. */
export interface CollapserCounts {
  /** Batches that were asked for. */
  batchExecuted: number;
  /** Calls that became part of one. */
  addedToBatch: number;
  /** Calls whose argument was in the batch already. */
  responseFromCache: number;
}

/** Answers in the order of the arguments; an Error is the answer to its own argument only. */
export type Batched<A, R> = (args: readonly A[]) => PromiseLike<readonly (R | Error)[]>;

/** The batch did not answer as many as were asked for. */
export class CollapserError extends Error {
  override readonly name = "CollapserError";
}

interface Entry<A, R> {
  readonly arg: A;
  readonly answers: PromiseWithResolvers<R>[];
}

/** Calls that wait to go together. */
class Batch<A, R> {
  readonly #entries = new Map<unknown, Entry<A, R>>();
  readonly timer: Timer;

  constructor(timer: Timer) {
    this.timer = timer;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Whether the argument was there already. */
  add(key: unknown, arg: A, answer: PromiseWithResolvers<R>): boolean {
    const known = this.#entries.get(key);
    if (known === undefined) this.#entries.set(key, { arg, answers: [answer] });
    else known.answers.push(answer);
    return known !== undefined;
  }

  leave(key: unknown, answer: PromiseWithResolvers<R>): void {
    const answers = this.#entries.get(key)?.answers;
    const at = answers?.indexOf(answer) ?? -1;
    if (at >= 0) answers?.splice(at, 1);
    if (answers?.length === 0) this.#entries.delete(key);
  }

  async ask(batched: Batched<A, R>): Promise<void> {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    try {
      const results = await batched(entries.map(({ arg }) => arg));
      if (results.length !== entries.length) {
        throw new CollapserError(`${results.length} answers to ${entries.length} arguments`);
      }
      entries.forEach((entry, index) => {
        settle(entry, results[index] as R | Error);
      });
    } catch (error) {
      for (const { answers } of entries) for (const answer of answers) answer.reject(error);
    }
  }
}

function settle<A, R>({ answers }: Entry<A, R>, result: R | Error): void {
  for (const answer of answers) {
    if (result instanceof Error) answer.reject(result);
    else answer.resolve(result);
  }
}

/**
 * Calls that come within a few milliseconds become one call with all their arguments, as Hystrix's
 * collapser: `const user = collapse((ids: readonly string[]) => users.byIds(ids))`. Guard the
 * batched function: it is what is really called.
 */
export function collapse<A, R>(
  batched: Batched<A, R>,
  options: CollapserOptions<A> = {},
): Collapsed<A, R> {
  const {
    timerDelayInMilliseconds = 10,
    maxRequestsInBatch = 100,
    key,
    context,
    breaker,
  } = options;
  const clock = options.clock ?? systemClock;
  if (!(maxRequestsInBatch >= 1)) throw new RangeError("maxRequestsInBatch: at least 1");
  const counts: CollapserCounts = { batchExecuted: 0, addedToBatch: 0, responseFromCache: 0 };
  const everybody: Waiting<A, R> = { batch: undefined };
  const waitings =
    context === undefined
      ? undefined
      : new PerContext<Waiting<A, R>>(context, () => ({ batch: undefined }));

  const send = (waiting: Waiting<A, R>, batch: Batch<A, R>): void => {
    batch.timer.cancel();
    waiting.batch = undefined;
    if (batch.size === 0) return;
    counts.batchExecuted++;
    void batch.ask(batched);
  };

  const call = (arg: A, signal?: AbortSignal): Promise<R> => {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const waiting = waitings?.current() ?? everybody;
    waiting.batch ??= new Batch<A, R>(
      clock.after(timerDelayInMilliseconds, () => {
        if (waiting.batch !== undefined) send(waiting, waiting.batch);
      }),
    );
    const { batch } = waiting;
    const answer = Promise.withResolvers<R>();
    // Without keys nothing is the same as anything else.
    const name = key === undefined ? answer : key(arg);
    breaker?.note("COLLAPSED");
    counts[batch.add(name, arg, answer) ? "responseFromCache" : "addedToBatch"]++;
    if (signal !== undefined) {
      whileWaiting(answer.promise, signal, () => {
        batch.leave(name, answer);
        answer.reject(signal.reason);
      });
    }
    if (batch.size >= maxRequestsInBatch) send(waiting, batch);
    return answer.promise;
  };
  return Object.assign(call, { counts });
}

interface Waiting<A, R> {
  batch: Batch<A, R> | undefined;
}

function whileWaiting(answer: Promise<unknown>, signal: AbortSignal, leave: () => void): void {
  const forget = (): void => signal.removeEventListener("abort", leave);
  signal.addEventListener("abort", leave, { once: true });
  answer.then(forget, forget);
}
