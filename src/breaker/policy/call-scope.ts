import { type Entrance, entrance } from "../entrance.ts";

/** What a call is told by the policies around it. */
export interface Call {
  /** Aborted when nobody waits any more; its reason says why. Made when it is asked for. */
  readonly signal: AbortSignal;
  /** 0 for the first try, 1 for its first repetition, and so on. */
  readonly attempt: number;
}

/**
 * When a call may be made again: whenever it failed; only where it was certainly never sent, since
 * it may not run twice; never, since what it sends can be read once only.
 */
export type Repeatable = "always" | "unsent" | "never";

/** What the policies are told of a call. A `Call` is one for the calls that it makes in turn. */
export interface Within {
  readonly signal?: AbortSignal | undefined;
  /** Default: as the retry and the hedge are told for all calls. */
  readonly repeatable?: Repeatable | undefined;
  /** Tries that there were before. Default 0. */
  readonly attempt?: number;
}

type Watcher = (reason: unknown, isLate: boolean) => void;

/**
 * One call as one policy sees it. What is given up outside is given up inside, never the other way
 * round. Signals cost a microsecond each, so that none is made before somebody asks for one.
 */
export class CallScope implements Call {
  readonly attempt: number;
  readonly repeatable: Repeatable | undefined;
  #isFree: boolean;
  #aborted = false;
  #reason: unknown;
  #controller: AbortController | undefined;
  #entrance: Entrance | undefined;
  #watchers: Set<Watcher> | undefined;
  #leave: (() => void) | undefined;

  /** Follows `outer` until `end`. */
  constructor(outer?: CallScope, attempt: number = outer?.attempt ?? 0, told?: Within) {
    this.attempt = attempt;
    this.repeatable = told?.repeatable ?? outer?.repeatable;
    const signal = told?.signal;
    this.#isFree = outer === undefined && signal === undefined;
    if (outer?.aborted) this.abort(outer.reason);
    else if (signal?.aborted) this.abort(signal.reason);
    else if (signal !== undefined) this.#leave = followed(signal, (why) => this.abort(why));
    else if (outer !== undefined && !outer.#isFree) {
      this.#leave = outer.watch((reason, isLate) => this.#giveUp(reason, isLate));
    }
  }

  static of(within: Within | undefined): CallScope {
    if (within instanceof CallScope) return within;
    return new CallScope(undefined, within?.attempt, within);
  }

  /** For a policy that gives no call up itself: what is free outside is free inside. */
  static passive(outer: CallScope, attempt: number): CallScope {
    const scope = new CallScope(outer, attempt);
    scope.#isFree = outer.#isFree;
    return scope;
  }

  /** Nobody can give it up. */
  get isFree(): boolean {
    return this.#isFree;
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    return this.#reason;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#reason);
      else if (!this.#isFree) this.#entrance = entrance();
    }
    return this.#controller.signal;
  }

  /** Runs `watcher` once when the call is given up; the result takes that back. */
  watch(watcher: Watcher): () => void {
    this.#watchers ??= new Set();
    const watchers = this.#watchers;
    watchers.add(watcher);
    return () => watchers.delete(watcher);
  }

  /** Gives the call up: policies hear first, then those who hold the signal. */
  abort(reason: unknown): void {
    this.#giveUp(reason, false);
  }

  /** `abort` by a timer that serves other callers too: the signal is aborted as this one. */
  expire(reason: unknown): void {
    this.#giveUp(reason, true);
  }

  #giveUp(reason: unknown, isLate: boolean): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason;
    const watchers = this.#watchers;
    this.#watchers = undefined;
    if (watchers !== undefined) for (const watcher of watchers) watcher(reason, isLate);
    const controller = this.#controller;
    if (!isLate || this.#entrance === undefined) controller?.abort(reason);
    else this.#entrance(() => controller?.abort(reason));
  }

  /** The call is over: what is given up from now on concerns it no more. */
  end(): void {
    this.#leave?.();
    this.#leave = undefined;
  }
}

function followed(signal: AbortSignal, watcher: (reason: unknown) => void): () => void {
  const hear = (): void => watcher(signal.reason);
  signal.addEventListener("abort", hear, { once: true });
  return () => signal.removeEventListener("abort", hear);
}
