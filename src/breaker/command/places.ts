// hot path: no allocation per request
import type { Permit } from "../breaker.ts";
import type { Clock, Timer } from "../clock.ts";
import type { Entrance } from "../entrance.ts";
import type { Execution } from "./execution.ts";

export type Settle = (value: unknown) => void;

/** What a place's work may end with. */
export interface PlaceOwner {
  onValue(place: number, value: unknown): void;
  onError(place: number, error: unknown): void;
  /** The call of a place has no answer in time. */
  onExpired(place: number): void;
  /** When a call really started, at the latest. */
  latestStart(startedAt: number): number;
}

/** What the work of a place is waited for with, made once. */
export class Handlers {
  readonly onValue: Settle;
  readonly onError: Settle;

  constructor(owner: PlaceOwner, place: number) {
    this.onValue = (value) => owner.onValue(place, value);
    this.onError = (error) => owner.onError(place, error);
  }
}

const FREE = -1;
/** How soon the timer looks whether anybody still waits. */
const LOOK_MS = 20;

/**
 * Where calls run: each has a place from its beginning until its work has really ended, with what
 * belongs to it in arrays by place. A place is used again and again, so that a call costs neither
 * an object nor functions of its own, and no timer.
 *
 * One timer serves all deadlines. It looks 20 ms after the first call whether anybody still waits,
 * and then only at the next deadline, to the machine's millisecond; where nobody waits any more
 * there is none.
 */
export class Places {
  /** By place; resolve and reject are `nobody` where the place is free. */
  readonly resolves: Settle[] = [];
  readonly rejects: Settle[] = [];
  readonly handlers: Handlers[] = [];
  /** Calls that need more than a place. */
  readonly executions: (Execution | undefined)[] = [];
  /** What fallbacks are called with. */
  readonly selves: unknown[] = [];
  readonly args: (unknown[] | undefined)[] = [];
  /** And where they run, when they are late. */
  readonly entrances: (Entrance | undefined)[] = [];
  permits: Int32Array = new Int32Array(0);
  startedAt: Float64Array = new Float64Array(0);
  taken = 0;
  /** Places that are free, the last used at the end. */
  #free: Int32Array = new Int32Array(0);
  readonly #owner: PlaceOwner;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  #timer: Timer | undefined;
  /** The timer waits for a deadline. */
  #isLong = false;
  readonly #look = (): void => this.#onTimer();

  /** `timeoutMs`: infinite where there is none. */
  constructor(owner: PlaceOwner, clock: Clock, timeoutMs: number) {
    this.#owner = owner;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** Calls have deadlines. */
  get isTimed(): boolean {
    return this.#timeoutMs !== Number.POSITIVE_INFINITY;
  }

  get isArmed(): boolean {
    return this.#timer !== undefined;
  }

  take(permit: Permit, now: number): number {
    if (this.taken === this.#free.length) this.#grow();
    const free = this.#free;
    const place = free[free.length - ++this.taken] as number;
    this.permits[place] = permit;
    this.startedAt[place] = now;
    if (this.#timer === undefined) this.#arm(LOOK_MS);
    return place;
  }

  /** Forgets all of a call: nothing is kept that somebody else could free. */
  leave(place: number): void {
    const free = this.#free;
    free[free.length - this.taken--] = place;
    this.startedAt[place] = FREE;
    this.resolves[place] = nobody;
    this.rejects[place] = nobody;
    if (this.#isLong && this.taken === 0) this.#disarm();
  }

  /** Twice as many places, or the first ones. */
  #grow(): void {
    const before = this.#free.length;
    const length = Math.max(8, before * 2);
    const permits = new Int32Array(length);
    const startedAt = new Float64Array(length).fill(FREE);
    permits.set(this.permits);
    startedAt.set(this.startedAt);
    this.permits = permits;
    this.startedAt = startedAt;
    this.#free = new Int32Array(length);
    for (let place = before; place < length; place++) {
      this.#free[place - before] = place;
      this.resolves.push(nobody);
      this.rejects.push(nobody);
      this.executions.push(undefined);
      this.selves.push(undefined);
      this.args.push(undefined);
      this.entrances.push(undefined);
      this.handlers.push(new Handlers(this.#owner, place));
    }
  }

  #arm(lookMs: number): void {
    if (this.#timeoutMs === Number.POSITIVE_INFINITY) return;
    this.#isLong = false;
    this.#timer = this.#clock.after(Math.min(lookMs, this.#timeoutMs), this.#look);
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#isLong = false;
  }

  #onTimer(): void {
    this.#timer = undefined;
    this.#isLong = false;
    const now = this.#clock.now();
    const next = this.#expire(now);
    if (next === Number.POSITIVE_INFINITY) return;
    this.#disarm();
    this.#timer = this.#clock.after(Math.ceil(next - now), this.#look);
    this.#isLong = true;
  }

  /** The next deadline. Those that expire may call again, and so take places. */
  #expire(now: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (let place = 0; place < this.startedAt.length; place++) {
      if ((this.startedAt[place] as number) < 0) continue;
      if (this.executions[place]?.isWaiting === false) continue;
      const deadline = this.#deadlineOf(this.startedAt[place] as number, now);
      if (deadline <= now) this.#owner.onExpired(place);
      else next = Math.min(next, deadline);
    }
    return next;
  }

  #deadlineOf(startedAt: number, now: number): number {
    const deadline = startedAt + this.#timeoutMs;
    return deadline > now ? deadline : this.#owner.latestStart(startedAt) + this.#timeoutMs;
  }
}

function nobody(): void {}
