// hot path: no allocation per request
import type { CircuitState } from "../../breaker/breaker.ts";
import { type Cells, readTime, TIME_CELLS, writeTime } from "../../breaker/circuit/cells.ts";

/** Changes that are kept. */
const CHANGES_MAX = 32;

const STATES: readonly CircuitState[] = ["closed", "open", "halfOpen"];
const STATE = 3;
const TOLD = 1 << 4;

/** Of one change: its number, the first being 1; when; from which state to which; the counts. */
const NUMBER = 0;
const TIME = 1;
const STATES_AT: number = TIME + TIME_CELLS;
const TOTAL: number = STATES_AT + 1;
const FAILED: number = TOTAL + 1;
const ENTRY: number = FAILED + 1;

export const HISTORY_CELLS: number = 1 + CHANGES_MAX * ENTRY;

/** A change of a circuit, as it was noted. */
export interface NotedChange {
  /** Counted from 1. */
  readonly number: number;
  readonly from: CircuitState;
  readonly to: CircuitState;
  /** Of the clock that calls are timed with, ms. */
  readonly at: number;
  /** Somebody else has found the reason. */
  readonly told: boolean;
  /** Calls in the window, and those that failed; without a window failures in a row. */
  readonly total: number;
  readonly failed: number;
}

/**
 * The last changes of a circuit, in cells that threads share. Each takes a number, and with it a
 * place that is its own until so many others have come; who reads skips what is being written.
 */
export class History {
  readonly #cells: Cells;
  readonly #at: number;

  constructor(cells: Cells, at: number) {
    this.#cells = cells;
    this.#at = at;
  }

  note(
    from: CircuitState,
    to: CircuitState,
    at: number,
    told: boolean,
    total: number,
    failed: number,
  ): void {
    const cells = this.#cells;
    const number = cells.add(this.#at, 1);
    const entry = this.#entryOf(number);
    cells.store(entry + NUMBER, 0);
    writeTime(cells, entry + TIME, at);
    const states = STATES.indexOf(from) | (STATES.indexOf(to) << 2);
    cells.store(entry + STATES_AT, states | (told ? TOLD : 0));
    cells.store(entry + TOTAL, total);
    cells.store(entry + FAILED, failed);
    cells.store(entry + NUMBER, number);
  }

  /** How many there have been. */
  get count(): number {
    return this.#cells.load(this.#at);
  }

  /** Those that are kept, the oldest first. */
  read(): NotedChange[] {
    const last = this.count;
    const found: NotedChange[] = [];
    for (let number = Math.max(1, last - CHANGES_MAX + 1); number <= last; number++) {
      const change = this.#read(number);
      if (change !== undefined) found.push(change);
    }
    return found;
  }

  #read(number: number): NotedChange | undefined {
    const cells = this.#cells;
    const entry = this.#entryOf(number);
    if (cells.load(entry + NUMBER) !== number) return undefined;
    const states = cells.load(entry + STATES_AT);
    const change: NotedChange = {
      number,
      from: STATES[states & STATE] as CircuitState,
      to: STATES[(states >> 2) & STATE] as CircuitState,
      at: readTime(cells, entry + TIME),
      told: (states & TOLD) !== 0,
      total: cells.load(entry + TOTAL),
      failed: cells.load(entry + FAILED),
    };
    return cells.load(entry + NUMBER) === number ? change : undefined;
  }

  #entryOf(number: number): number {
    return this.#at + 1 + ((number - 1) % CHANGES_MAX) * ENTRY;
  }
}
