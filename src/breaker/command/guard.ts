import type { Permit } from "../breaker.ts";
import type { Circuit } from "../circuit/circuit.ts";
import { type Clock, systemClock } from "../clock.ts";
import { entrance } from "../entrance.ts";
import type { Call } from "../policy/call-scope.ts";
import type { EventCounts } from "../stats/event-counts.ts";
import { EVENT } from "../stats/event-type.ts";
import type { Latency } from "../stats/latency.ts";
import { BurstClock } from "./burst-clock.ts";
import type { Command } from "./command.ts";
import { Execution, isThenable, type RefusedCall } from "./execution.ts";
import { type PlaceOwner, Places, type Settle } from "./places.ts";

type Work = (this: unknown, ...args: unknown[]) => unknown;
type Fallback = (this: unknown, error: unknown, ...args: unknown[]) => unknown;

export interface Guarding {
  readonly command: Command;
  readonly work: Work;
  readonly fallback: Fallback | undefined;
  /** The work takes the call as its first argument. */
  readonly passCall: boolean;
}

const NO_PLACE = -1;
const SUCCESS = EVENT.SUCCESS;

/** The work that is just being called. */
let currentGuard: Guard | undefined;
let currentPlace = NO_PLACE;

/**
 * The call that a guarded function works for, with its signal: to be asked for before the function
 * first waits.
 *
 * @throws Error where no guarded function has been called.
 */
export function currentCall(): Call {
  if (currentGuard === undefined || currentPlace === NO_PLACE) {
    throw new Error("currentCall: no guarded function is being called");
  }
  return currentGuard.executionOf(currentPlace);
}

/**
 * Work with its command. A call that succeeds, and of which nobody asks more, has nothing but its
 * place and its promise; all others become an `Execution` when they turn out to be more.
 */
export class Guard implements PlaceOwner {
  readonly command: Command;
  readonly fallback: Fallback | undefined;
  readonly places: Places;
  readonly #circuit: Circuit;
  readonly #clock: Clock;
  readonly #listeners: Command["listeners"];
  readonly #events: EventCounts;
  readonly #succeeded: Latency;
  readonly #work: Work;
  readonly #passCall: boolean;
  readonly #placesMax: number;
  /** Each success is looked at, or told. */
  readonly #isPlain: boolean;

  constructor({ command, work, fallback, passCall }: Guarding) {
    const { options, settings } = command;
    const { maxConcurrentRequests, timeoutEnabled, timeoutInMilliseconds } = settings;
    this.command = command;
    this.fallback = fallback;
    this.#circuit = command.circuit;
    this.#clock = command.clock;
    this.#listeners = command.listeners;
    this.#events = command.stats.events;
    this.#succeeded = command.stats.succeeded;
    this.#work = work;
    this.#passCall = passCall;
    this.#placesMax = maxConcurrentRequests;
    this.#isPlain = command.judges === undefined && options.classifyResult === undefined;
    const timeoutMs = timeoutEnabled ? timeoutInMilliseconds : Number.POSITIVE_INFINITY;
    this.places = new Places(this, options.clock ?? systemClock, timeoutMs);
    command.stats.places = this.places;
  }

  /** Calls the work, if it may. `signal`: the caller's. */
  run(self: unknown, args: unknown[], signal: AbortSignal | undefined): Promise<unknown> {
    const now = this.#clock.now();
    if (signal?.aborted) return Execution.givenUp(this, signal.reason, now);
    const permit = this.#circuit.acquire(now);
    if (permit === 0 || this.places.taken >= this.#placesMax) {
      return this.#refuse({ guard: this, self, args, signal }, permit, now);
    }
    const place = this.#take(permit, now);
    const promise = this.#promiseAt(place);
    this.#prepare(place, self, args, signal);
    this.#start(place, self, undefined, args);
    return promise;
  }

  /**
   * `run` with one argument, as most functions have, where it needs no array: with neither a
   * fallback nor the call to pass.
   */
  runOne(self: unknown, argument: unknown): Promise<unknown> {
    const now = this.#clock.now();
    const permit = this.#circuit.acquire(now);
    if (permit === 0 || this.places.taken >= this.#placesMax) {
      return this.#refuse({ guard: this, self, args: [], signal: undefined }, permit, now);
    }
    const place = this.#take(permit, now);
    const promise = this.#promiseAt(place);
    if (this.#listeners.isUsed) this.#prepare(place, self, [], undefined);
    this.#start(place, self, argument, undefined);
    return promise;
  }

  onValue(place: number, value: unknown): void {
    const { places } = this;
    if (places.executions[place] !== undefined || !this.#isPlain || this.#listeners.isUsed) {
      this.#end(place).onValue(value);
      return;
    }
    const now = this.#clock.now();
    this.#succeeded.add(now - (places.startedAt[place] as number), now);
    this.#circuit.record("success", now, places.permits[place] as number);
    this.#events.add(SUCCESS, now);
    const resolve = places.resolves[place] as Settle;
    if (this.fallback !== undefined) this.#forget(place);
    places.leave(place);
    resolve(value);
  }

  onError(place: number, error: unknown): void {
    this.#end(place).onError(error);
  }

  onExpired(place: number): void {
    this.executionOf(place).expire();
  }

  latestStart(startedAt: number): number {
    const { clock } = this.command;
    return clock instanceof BurstClock ? clock.latest(startedAt) : startedAt;
  }

  /** What a place's call is, when more of it is needed. */
  executionOf(place: number): Execution {
    const { places } = this;
    const known = places.executions[place];
    if (known !== undefined) return known;
    const execution = new Execution(
      this,
      places.selves[place],
      places.args[place] ?? [],
      places.startedAt[place] as number,
      places.permits[place] as number,
      places.resolves[place] as Settle,
      places.rejects[place] as Settle,
      places.entrances[place],
    );
    places.executions[place] = execution;
    return execution;
  }

  #take(permit: Permit, now: number): number {
    const { places } = this;
    const place = places.take(permit, now);
    this.#events.active(places.taken, now);
    return place;
  }

  #promiseAt(place: number): Promise<unknown> {
    return new Promise<unknown>((resolve, reject) => {
      this.places.resolves[place] = resolve;
      this.places.rejects[place] = reject;
    });
  }

  /** What most calls do without. */
  #prepare(place: number, self: unknown, args: unknown[], signal: AbortSignal | undefined): void {
    const { places } = this;
    if (this.fallback !== undefined) {
      places.selves[place] = self;
      places.args[place] = args;
      if (places.isTimed) places.entrances[place] = entrance();
    } else if (this.#listeners.isUsed && places.isTimed) {
      this.executionOf(place).keepContext();
    }
    if (signal !== undefined) this.executionOf(place).follow(signal);
  }

  /** With `args`, or where there are none with `argument` alone. */
  #start(place: number, self: unknown, argument: unknown, args: unknown[] | undefined): void {
    const beforeGuard = currentGuard;
    const beforePlace = currentPlace;
    currentGuard = this;
    currentPlace = place;
    let answer: unknown;
    let threw = false;
    let isLater = false;
    try {
      answer =
        args === undefined ? this.#work.call(self, argument) : this.#answerOf(place, self, args);
      // Others' might call back twice, when the place is another call's.
      isLater = isPlainPromise(answer);
      if (!isLater && isThenable(answer)) {
        answer = Promise.resolve(answer);
        isLater = true;
      }
    } catch (error) {
      threw = true;
      answer = error;
    }
    currentGuard = beforeGuard;
    currentPlace = beforePlace;
    const handlers = this.places.handlers[place] as Places["handlers"][number];
    if (threw) handlers.onError(answer);
    else if (isLater) (answer as Promise<unknown>).then(handlers.onValue, handlers.onError);
    else handlers.onValue(answer);
  }

  #answerOf(place: number, self: unknown, args: unknown[]): unknown {
    if (this.#passCall) return this.#work.call(self, this.executionOf(place), ...args);
    return this.#work.apply(self, args);
  }

  /** Frees a place whose work is over. */
  #end(place: number): Execution {
    const execution = this.executionOf(place);
    this.places.executions[place] = undefined;
    if (this.fallback !== undefined) this.#forget(place);
    this.places.leave(place);
    return execution;
  }

  #forget(place: number): void {
    this.places.selves[place] = undefined;
    this.places.args[place] = undefined;
    this.places.entrances[place] = undefined;
  }

  /** Where there was no place for a call that the circuit let through, that is a failure. */
  #refuse(call: RefusedCall, permit: Permit, now: number): Promise<unknown> {
    if (permit === 0) return Execution.refused(call, "SHORT_CIRCUITED", now);
    this.command.circuit.record("failure", now, permit);
    return Execution.refused(call, "SEMAPHORE_REJECTED", now);
  }
}

function isPlainPromise(value: unknown): value is Promise<unknown> {
  return value instanceof Promise && value.constructor === Promise;
}
