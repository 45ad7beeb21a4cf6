// hot path: no allocation per request
import type { Outcome } from "../breaker.ts";
import type { Cells } from "../circuit/cells.ts";
import { Window, type WindowOptions, windowCells } from "../circuit/window.ts";

const TOTAL = 0;
const FAILED = 1;
const COUNTERS = 2;

interface Extent {
  readonly durationMs: number;
  readonly buckets: number;
}

function sized({ durationMs, buckets }: Extent): WindowOptions {
  return { durationMs, buckets, counters: COUNTERS };
}

export function outcomeWindowCells(extent: Extent): number {
  return windowCells(sized(extent));
}

/** Calls and failed calls of a while. Throttled calls are failed ones, ignored ones are none. */
export class OutcomeWindow {
  readonly #window: Window;

  constructor(cells: Cells, at: number, extent: Extent) {
    this.#window = new Window(cells, at, sized(extent));
  }

  /** Whether any call of the window has failed. */
  add(outcome: Outcome, now: number): boolean {
    this.#window.add(TOTAL, now);
    if (outcome === "success") return this.#window.lastSum(FAILED) > 0;
    this.#window.add(FAILED, now);
    return true;
  }

  total(now: number): number {
    return this.#window.sum(TOTAL, now);
  }

  failed(now: number): number {
    return this.#window.sum(FAILED, now);
  }

  clear(): void {
    this.#window.clear();
  }
}
