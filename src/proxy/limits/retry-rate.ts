// hot path: no allocation per request
import type { Cells } from "../../breaker/circuit/cells.ts";
import { Window, windowCells } from "../../breaker/circuit/window.ts";
import type { RetryRate as RetryRateConfig } from "../../model/cluster.ts";

const REQUESTS = 0;
const RETRIES = 1;
const SHAPE = { buckets: 10, counters: 2 };
const MS_PER_S = 1000;

/** Cells that a retry rate takes, whatever its window. */
export const RETRY_RATE_CELLS: number = windowCells({ ...SHAPE, durationMs: MS_PER_S });

/** How many retries may follow how many requests, over time (Finagle's retry budgets). */
export class RetryRate {
  readonly #config: RetryRateConfig;
  readonly #window: Window;

  /** Takes `RETRY_RATE_CELLS` cells from `at` on, which threads may share. */
  constructor(config: RetryRateConfig, cells: Cells, at: number) {
    this.#config = config;
    this.#window = new Window(cells, at, { ...SHAPE, durationMs: config.windowMs });
  }

  /** Begins anew, in cells that have served another window. */
  restart(): void {
    this.#window.restart();
  }

  /** A request has come that may be retried. */
  countRequest(nowMs: number): void {
    this.#window.add(REQUESTS, nowMs);
  }

  /** A retry begins, unless there have been too many. */
  take(nowMs: number): boolean {
    if (this.#window.sum(RETRIES, nowMs) >= this.#allowed(nowMs)) return false;
    this.#window.add(RETRIES, nowMs);
    return true;
  }

  #allowed(nowMs: number): number {
    const { minPerSecond, percent, windowMs } = this.#config;
    const share = (this.#window.sum(REQUESTS, nowMs) * percent) / 100;
    return Math.max((minPerSecond * windowMs) / MS_PER_S, Math.floor(share));
  }
}
