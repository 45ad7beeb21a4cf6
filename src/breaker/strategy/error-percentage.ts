// hot path: no allocation per request
import type { Outcome } from "../breaker.ts";
import { type Cells, readTime, TIME_CELLS, writeTime } from "../circuit/cells.ts";
import { OutcomeWindow, outcomeWindowCells } from "./outcome-window.ts";
import type { ErrorPercentageOptions, Strategy } from "./strategy.ts";

export function errorPercentageCells(options: ErrorPercentageOptions): number {
  return TIME_CELLS + outcomeWindowCells(options);
}

/**
 * Hystrix's `HealthCounts`: `(int) (errors * 100 / total) >= errorThresholdPercentage`, of at least
 * `requestVolumeThreshold` calls.
 */
export class ErrorPercentage implements Strategy {
  readonly waits: boolean;
  readonly #cells: Cells;
  readonly #at: number;
  readonly #window: OutcomeWindow;
  readonly #requestVolume: number;
  readonly #errorPercentage: number;
  readonly #snapshotMs: number;

  constructor(cells: Cells, at: number, options: ErrorPercentageOptions) {
    this.#cells = cells;
    this.#at = at;
    this.#window = new OutcomeWindow(cells, at + TIME_CELLS, options);
    this.#requestVolume = options.requestVolume;
    this.#errorPercentage = options.errorPercentage;
    this.#snapshotMs = options.snapshotMs;
    this.waits = options.snapshotMs !== 0;
  }

  record(outcome: Outcome, now: number): boolean {
    if (this.waits) return this.#recordForLater(outcome, now);
    return outcome !== "ignored" && this.#window.add(outcome, now) && this.#isUnwell(now);
  }

  #recordForLater(outcome: Outcome, now: number): boolean {
    const isDue = this.isDue(now);
    if (outcome !== "ignored") this.#window.add(outcome, now);
    return isDue;
  }

  /** A snapshot is taken by who comes first after its time, of what had come before. */
  isDue(now: number): boolean {
    if (!this.waits) return false;
    const snapshot = Math.floor(now / this.#snapshotMs);
    if (readTime(this.#cells, this.#at) === snapshot) return false;
    writeTime(this.#cells, this.#at, snapshot);
    return this.#isUnwell(now);
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

  #isUnwell(now: number): boolean {
    const total = this.#window.total(now);
    if (total < this.#requestVolume || total < 1) return false;
    return Math.trunc((this.#window.failed(now) * 100) / total) >= this.#errorPercentage;
  }
}
