// hot path: no allocation per request
import type { Breaker, CircuitState, Forced, Outcome, Permit } from "../breaker.ts";
import { createStrategy } from "../strategy/create.ts";
import type { Strategy } from "../strategy/strategy.ts";
import { type Cells, readTime, TIME_CELLS, writeTime } from "./cells.ts";
import {
  BROKEN_AT,
  CHANGED_AT,
  CHANGES,
  OPEN_UNTIL,
  OPENINGS,
  PROBED_AT,
  STRATEGY,
  WORD,
} from "./circuit-cells.ts";
import type { CircuitListener, CircuitOptions } from "./options.ts";
import { Probes } from "./probes.ts";

const CLOSED = 0;
const OPEN = 1;
const HALF_OPEN = 2;
const STATE = 3;

const STATES: readonly CircuitState[] = ["closed", "open", "halfOpen"];

const FORCED_OPEN = 1 << 2;
const FORCED_CLOSED = 2 << 2;
const FORCED = 3 << 2;

/** More make no longer sleep. */
const OPENINGS_MAX = 2 ** 31 - 1;

const GENERATION = 4;
const GENERATIONS = 2 ** 27 - 1;

/**
 * The state machine of Hystrix over cells, which threads may share; they must share the clock too.
 * Every change raises the generation, and a permit is the state and generation that gave it:
 * answers to calls of an earlier one are late, and do not move it.
 */
export class Circuit implements Breaker {
  readonly #cells: Cells;
  readonly #at: number;
  readonly #options: CircuitOptions;
  readonly #strategy: Strategy;
  readonly #waits: boolean;
  readonly #probes: Probes;
  readonly #listener: CircuitListener;
  readonly #random: () => number;

  /**
   * Takes `circuitCells` cells from `at` on, all 0 or those of a circuit with the same strategy.
   * `random`: a float in [0, 1), for jitter.
   */
  constructor(
    cells: Cells,
    at: number,
    options: CircuitOptions,
    listener: CircuitListener,
    random: () => number,
  ) {
    this.#cells = cells;
    this.#at = at;
    this.#options = options;
    this.#strategy = createStrategy(cells, at + STRATEGY, options.strategy);
    this.#waits = this.#strategy.waits;
    this.#probes = new Probes(cells, at, options.probes);
    this.#listener = listener;
    this.#random = random;
    cells.replace(at + WORD, 0, 1 << GENERATION);
  }

  get state(): CircuitState {
    return STATES[this.#word() & STATE] as CircuitState;
  }

  get changedAt(): number {
    return this.changedTo(this.state);
  }

  /** Counts changes of state, over all threads. */
  get generation(): number {
    return this.#word() >>> GENERATION;
  }

  get forced(): Forced {
    const forced = this.#word() & FORCED;
    return forced === FORCED_OPEN ? "open" : forced === FORCED_CLOSED ? "closed" : "no";
  }

  /** Hystrix's `isOpen`: half-open is open, and what is forced counts. */
  get isOpen(): boolean {
    const word = this.#word();
    const forced = word & FORCED;
    return forced === 0 ? (word & STATE) !== CLOSED : forced === FORCED_OPEN;
  }

  /** When calls are tried again, where it is open; else of the last time. */
  get openUntil(): number {
    return readTime(this.#cells, this.#at + OPEN_UNTIL);
  }

  /** It is half-open, and lets another probe through. */
  get hasProbe(): boolean {
    const word = this.#word();
    return (word & STATE) === HALF_OPEN && this.#probes.isLeft(word >>> GENERATION);
  }

  /** When it last let a probe through; 0: never. */
  get probedAt(): number {
    return readTime(this.#cells, this.#at + PROBED_AT);
  }

  /** How often it opened since it was last closed. */
  get openings(): number {
    return this.#cells.load(this.#at + OPENINGS);
  }

  /** How often it changed to a state. */
  changes(to: CircuitState): number {
    return this.#cells.load(this.#at + CHANGES + STATES.indexOf(to));
  }

  /** When it last changed to a state; 0: never. */
  changedTo(to: CircuitState): number {
    return readTime(this.#cells, this.#at + CHANGED_AT + STATES.indexOf(to) * TIME_CELLS);
  }

  /** Calls that it is judged by, and failed ones: of its window; 0 where it has none. */
  requests(now: number): number {
    return this.#strategy.requests(now);
  }

  errors(now: number): number {
    return this.#strategy.errors(now);
  }

  allow(now: number): boolean {
    return this.acquire(now) !== 0;
  }

  acquire(now: number): Permit {
    const word = this.#word();
    return (word & (STATE | FORCED)) === CLOSED && !this.#waits ? word : this.#ask(word, now);
  }

  /** Where not all calls are let through, or it is not certain. */
  #ask(word: number, now: number): Permit {
    if ((word & (STATE | FORCED)) === CLOSED) {
      return this.#strategy.isDue(now) ? this.#refuseFrom(word, now) : word;
    }
    return (word & FORCED) === 0 ? this.#probe(word, now) : word & FORCED_OPEN ? 0 : word;
  }

  record(outcome: Outcome, now: number, permit: Permit = this.#word()): void {
    const word = this.#word();
    if (((word ^ permit) & ~FORCED) !== 0) return;
    if ((word & STATE) === HALF_OPEN) this.#judge(word, outcome, now);
    else if ((word & STATE) === CLOSED && this.#strategy.record(outcome, now))
      this.#open(word, now);
  }

  /** Whether it changed since it gave this permit: `record` of that call moves nothing. */
  isLate(permit: Permit): boolean {
    return isOther(this.#word(), permit);
  }

  /** Lets nothing through until it is told otherwise. It goes on counting. */
  forceOpen(): void {
    this.#force(FORCED_OPEN);
  }

  /** Lets everything through; `forceOpen` undoes it and is undone by it. It goes on counting. */
  forceClosed(): void {
    this.#force(FORCED_CLOSED);
  }

  /** As the calls have it, again. */
  unforce(): void {
    this.#force(0);
  }

  /** Opens it as if it had found a reason; for reasons that are found elsewhere. */
  trip(now: number): void {
    const word = this.#word();
    if ((word & STATE) !== OPEN) this.#open(word, now);
  }

  /** Closes it as if its probes had gone well, with nothing counted. */
  close(now: number): void {
    const word = this.#word();
    if ((word & STATE) === CLOSED) this.#strategy.reset();
    else this.#close(word, now);
  }

  /**
   * Opens it as it was in another process; for one sleep at most, since clocks differ.
   * `openings`: a whole number of 31 bits.
   */
  restore(openUntil: number, openings: number, now: number): void {
    this.trip(now);
    const until = Math.min(openUntil, now + this.#longestSleepMs());
    writeTime(this.#cells, this.#at + OPEN_UNTIL, Math.max(0, Math.ceil(until)));
    this.#cells.store(this.#at + OPENINGS, openings);
  }

  /** An open circuit sleeps until then at least: what a Retry-After asks for. */
  sleepUntil(time: number): void {
    if (time > this.openUntil) writeTime(this.#cells, this.#at + OPEN_UNTIL, Math.ceil(time));
  }

  #word(): number {
    return this.#cells.load(this.#at + WORD);
  }

  #force(forced: number): void {
    const word = this.#word();
    if (this.#cells.replace(this.#at + WORD, word, (word & ~FORCED) | forced)) return;
    this.#force(forced);
  }

  /** A closed circuit whose snapshot says that it must open. */
  #refuseFrom(word: number, now: number): Permit {
    this.#open(word, now);
    return this.acquire(now);
  }

  /** Of a circuit that is open or half-open, and not forced. */
  #probe(word: number, now: number): Permit {
    if ((word & STATE) === OPEN) {
      if (now < this.openUntil) return 0;
      if (this.#move(word, HALF_OPEN, now)) this.#tell(word, HALF_OPEN, now);
      return this.acquire(now);
    }
    if ((word & STATE) === CLOSED) return word;
    if (this.#probes.take(word >>> GENERATION, now)) return word;
    const lostAt = readTime(this.#cells, this.#at + PROBED_AT) + this.#options.probeTimeoutMs;
    if (now < lostAt) return 0;
    this.#open(word, lostAt);
    return this.acquire(now);
  }

  #judge(word: number, outcome: Outcome, now: number): void {
    const generation = word >>> GENERATION;
    if (outcome === "success") {
      if (this.#probes.succeed(generation)) this.#close(word, now);
    } else if (outcome === "ignored" && this.#options.ignoredProbe === "another") {
      this.#probes.giveBack(generation);
    } else {
      this.#open(word, now);
    }
  }

  /** Until when stands before the state says so: nobody sees an open circuit that is over. */
  #open(word: number, now: number): void {
    const openings = this.openings;
    writeTime(this.#cells, this.#at + OPEN_UNTIL, Math.ceil(now + this.#sleepMs(openings)));
    const wasClosed = (word & STATE) === CLOSED;
    if (wasClosed) writeTime(this.#cells, this.#at + BROKEN_AT, Math.floor(now));
    if (!this.#move(word, OPEN, now)) return;
    this.#cells.store(this.#at + OPENINGS, Math.min(openings + 1, OPENINGS_MAX));
    this.#tell(word, OPEN, now);
  }

  #close(word: number, now: number): void {
    this.#strategy.reset();
    if (!this.#move(word, CLOSED, now)) return;
    this.#cells.store(this.#at + OPENINGS, 0);
    this.#tell(word, CLOSED, now);
  }

  #longestSleepMs(): number {
    const { sleepMs, backoff } = this.#options;
    if (backoff === undefined) return sleepMs;
    return Math.max(backoff.maxMs, sleepMs) * (1 + backoff.jitterRatio);
  }

  #sleepMs(openings: number): number {
    const { sleepMs, backoff } = this.#options;
    if (backoff === undefined) return sleepMs;
    const { factor, maxMs, jitterRatio } = backoff;
    const grown = Math.min(sleepMs * factor ** openings, Math.max(maxMs, sleepMs));
    return jitterRatio === 0 ? grown : grown * (1 + this.#random() * jitterRatio);
  }

  /** Of several threads that see the same reason one makes the change; whether it was this one. */
  #move(word: number, to: number, now: number): boolean {
    const generation = ((word >>> GENERATION) % GENERATIONS) + 1;
    const moved = (generation << GENERATION) | (word & FORCED) | to;
    const seen = this.#at + WORD;
    if (!this.#cells.replace(seen, word, moved)) return false;
    this.#cells.add(this.#at + CHANGES + to, 1);
    writeTime(this.#cells, this.#at + CHANGED_AT + to * TIME_CELLS, Math.floor(now));
    return true;
  }

  #tell(word: number, to: number, now: number): void {
    const at = Math.floor(now);
    const from = STATES[word & STATE] as CircuitState;
    const brokenForMs = at - readTime(this.#cells, this.#at + BROKEN_AT);
    this.#listener.onTransition(from, STATES[to] as CircuitState, at, brokenForMs);
  }
}

/** Of another generation; to be forced is no change. */
function isOther(word: number, permit: Permit): boolean {
  return ((word ^ permit) & ~FORCED) !== 0;
}
