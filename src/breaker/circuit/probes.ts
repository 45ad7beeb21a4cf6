// hot path: no allocation per request
import { type Cells, writeTime } from "./cells.ts";
import { PROBED_AT, PROBES, SUCCESSES } from "./circuit-cells.ts";

const COUNT_BITS = 12;
const COUNT = (1 << COUNT_BITS) - 1;

/** The largest number of probes. */
export const PROBES_MAX: number = COUNT;

/**
 * Calls of a half-open circuit. Each count stands beneath the generation that it belongs to, so
 * that nobody has to empty it before the next one counts.
 */
export class Probes {
  readonly #cells: Cells;
  readonly #at: number;
  readonly #probes: number;

  constructor(cells: Cells, at: number, probes: number) {
    this.#cells = cells;
    this.#at = at;
    this.#probes = probes;
  }

  /** Whether another one may be taken. */
  isLeft(generation: number): boolean {
    return countOf(this.#cells.load(this.#at + PROBES), generation) < this.#probes;
  }

  take(generation: number, now: number): boolean {
    const cell = this.#at + PROBES;
    const before = this.#cells.load(cell);
    const count = countOf(before, generation);
    if (count >= this.#probes) return false;
    writeTime(this.#cells, this.#at + PROBED_AT, Math.ceil(now));
    if (this.#cells.replace(cell, before, beneath(generation, count + 1))) return true;
    return this.take(generation, now);
  }

  giveBack(generation: number): void {
    const cell = this.#at + PROBES;
    const before = this.#cells.load(cell);
    const count = countOf(before, generation);
    if (count === 0) return;
    if (this.#cells.replace(cell, before, beneath(generation, count - 1))) return;
    this.giveBack(generation);
  }

  /** Whether it was the last one that was needed. */
  succeed(generation: number): boolean {
    const cell = this.#at + SUCCESSES;
    const before = this.#cells.load(cell);
    const count = countOf(before, generation) + 1;
    if (!this.#cells.replace(cell, before, beneath(generation, count))) {
      return this.succeed(generation);
    }
    return count >= this.#probes;
  }
}

/** 0, where the cell still holds the count of another generation. */
function countOf(cell: number, generation: number): number {
  return ((cell ^ beneath(generation, 0)) & ~COUNT) === 0 ? cell & COUNT : 0;
}

function beneath(generation: number, count: number): number {
  return (generation << COUNT_BITS) | count;
}
