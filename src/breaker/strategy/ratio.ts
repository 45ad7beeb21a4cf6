// hot path: no allocation per request
import type { Outcome } from "../breaker.ts";
import type { Cells } from "../circuit/cells.ts";
import { OutcomeWindow } from "./outcome-window.ts";
import type { RatioOptions, Strategy } from "./strategy.ts";

/** A share of failures among the calls of a window. */
export class Ratio implements Strategy {
  readonly waits = false;
  readonly #window: OutcomeWindow;
  readonly #minRequests: number;
  readonly #failureRatio: number;

  constructor(cells: Cells, at: number, options: RatioOptions) {
    this.#window = new OutcomeWindow(cells, at, options);
    this.#minRequests = options.minRequests;
    this.#failureRatio = options.failureRatio;
  }

  record(outcome: Outcome, now: number): boolean {
    if (outcome === "ignored") return false;
    this.#window.add(outcome, now);
    const total = this.#window.total(now);
    return total >= this.#minRequests && this.#window.failed(now) >= this.#failureRatio * total;
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
    this.#window.clear();
  }
}
