// hot path: no allocation per request
import type { Outcome } from "../breaker.ts";
import type { Cells } from "../circuit/cells.ts";
import type { Strategy } from "./strategy.ts";

export const CONSECUTIVE_CELLS = 1;

/** Failures in a row. A throttled call is none, and does not end the row either. */
export class Consecutive implements Strategy {
  readonly waits = false;
  readonly #cells: Cells;
  readonly #at: number;
  readonly #failures: number;

  constructor(cells: Cells, at: number, failures: number) {
    this.#cells = cells;
    this.#at = at;
    this.#failures = failures;
  }

  record(outcome: Outcome, _now: number): boolean {
    if (outcome === "failure") return this.#cells.add(this.#at, 1) >= this.#failures;
    if (outcome === "success" && this.#cells.load(this.#at) !== 0) this.reset();
    return false;
  }

  isDue(_now: number): boolean {
    return false;
  }

  requests(_now: number): number {
    return 0;
  }

  errors(_now: number): number {
    return 0;
  }

  reset(): void {
    this.#cells.store(this.#at, 0);
  }
}
