// hot path: no allocation per request
import type { Outcome } from "../breaker.ts";
import type { Cells } from "../circuit/cells.ts";
import { CONSECUTIVE_CELLS, Consecutive } from "./consecutive.ts";
import { OutcomeWindow, outcomeWindowCells } from "./outcome-window.ts";
import type { Strategy, UnifiedOptions } from "./strategy.ts";

export function unifiedCells(options: UnifiedOptions): number {
  return CONSECUTIVE_CELLS + outcomeWindowCells(options);
}

/** Linkerd's: failures in a row are looked at first, then the share of successes. */
export class Unified implements Strategy {
  readonly waits = false;
  readonly #row: Consecutive;
  readonly #window: OutcomeWindow;
  readonly #minRequests: number;
  readonly #successRate: number;

  constructor(cells: Cells, at: number, options: UnifiedOptions) {
    const never = Number.POSITIVE_INFINITY;
    this.#row = new Consecutive(cells, at, options.maxFailures === 0 ? never : options.maxFailures);
    this.#window = new OutcomeWindow(cells, at + CONSECUTIVE_CELLS, options);
    this.#minRequests = options.minRequests;
    this.#successRate = options.successRate;
  }

  record(outcome: Outcome, now: number): boolean {
    if (outcome === "ignored") return false;
    this.#window.add(outcome, now);
    return this.#row.record(outcome, now) || this.#isUnwell(now);
  }

  isDue(_now: number): boolean {
    return false;
  }

  requests(now: number): number {
    return this.#window.total(now);
  }

  errors(now: number): number {
    return this.#window.failed(now);
  }

  reset(): void {
    this.#row.reset();
    this.#window.clear();
  }

  #isUnwell(now: number): boolean {
    if (this.#successRate === 0) return false;
    const total = this.#window.total(now);
    if (total < this.#minRequests || total < 1) return false;
    return total - this.#window.failed(now) < this.#successRate * total;
  }
}
