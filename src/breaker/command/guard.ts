import type { Permit } from "../breaker.ts";
import { systemClock } from "../clock.ts";
import { entrance } from "../entrance.ts";
import type { Call } from "../policy/call-scope.ts";
import { EVENT } from "../stats/event-type.ts";
import { BurstClock } from "./burst-clock.ts";
import type { Command } from "./command.ts";
import { Execution, isThenable, type RefusedCall } from "./execution.ts";
import { type PlaceOwner, Places } from "./places.ts";

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
    const { circuit, clock, listeners, stats } = this.command;
    const now = clock.now();
    if (signal?.aborted) return Execution.givenUp(this, signal.reason, now);
    const permit = circuit.acquire(now);
    const { places } = this;
    if (permit === 0 || places.taken >= this.#placesMax) {
      return this.#refuse({ guard: this, self, args, signal }, permit, now);
    }
    const place = places.take(permit, now);
    stats.events.active(places.taken, now);
    const promise = new Promise<unknown>((resolve, reject) => {
      places.resolves[place] = resolve;
      places.rejects[place] = reject;
    });
    if (this.fallback !== undefined) {
      places.selves[place] = self;
      places.args[place] = args;
      if (places.isTimed) places.entrances[place] = entrance();
    } else if (listeners.isUsed && places.isTimed) {
      this.executionOf(place).keepContext();
    }
    if (signal !== undefined) this.executionOf(place).follow(signal);
    this.#start(place, self, args);
    return promise;
  }

  onValue(place: number, value: unknown): void {
    const { places } = this;
    const { circuit, clock, listeners, stats } = this.command;
    if (places.executions[place] !== undefined || !this.#isPlain || listeners.isUsed) {
      this.#end(place).onValue(value);
      return;
    }
    const now = clock.now();
    stats.succeeded.add(now - (places.startedAt[place] as number), now);
    circuit.record("success", now, places.permits[place] as number);
    stats.events.add(SUCCESS, now);
    const resolve = places.resolves[place] as (value: unknown) => void;
    this.#forget(place);
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
      places.resolves[place] as (value: unknown) => void,
      places.rejects[place] as (value: unknown) => void,
      places.entrances[place],
    );
    places.executions[place] = execution;
    return execution;
  }

  #start(place: number, self: unknown, args: unknown[]): void {
    const beforeGuard = currentGuard;
    const beforePlace = currentPlace;
    currentGuard = this;
    currentPlace = place;
    const handlers = this.places.handlers[place] as Places["handlers"][number];
    let answer: unknown;
    let threw = false;
    let isLater = false;
    try {
      answer = this.#passCall
        ? this.#work.call(self, this.executionOf(place), ...args)
        : this.#work.apply(self, args);
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
    if (threw) handlers.onError(answer);
    else if (isLater) (answer as Promise<unknown>).then(handlers.onValue, handlers.onError);
    else handlers.onValue(answer);
  }

  /** Frees a place whose work is over. */
  #end(place: number): Execution {
    const execution = this.executionOf(place);
    this.places.executions[place] = undefined;
    this.#forget(place);
    this.places.leave(place);
    return execution;
  }

  #forget(place: number): void {
    if (this.fallback === undefined) return;
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
