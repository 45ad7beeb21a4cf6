/** What another thread has counted in a row of the same labels. */
export interface Part {
  readonly cells: Float64Array;
  /** Nothing was counted for long: that thread may drop its row if it still adds up to `sum`. */
  forget(sum: number): void;
}

const NO_PARTS: readonly Part[] = [];

/** One label set and its numbers, the columns' cells side by side. */
export class Row {
  /** What this thread counts. */
  readonly cells: Float64Array;
  readonly values: readonly string[];
  /** `a="1",b="2"`, escaped; empty without labels. */
  readonly labels: string;
  /** What other threads count; `Table.value` reads over all of them. */
  parts: readonly Part[] = NO_PARTS;
  /** False where only other threads have asked for this row: then it goes with their parts. */
  own = false;
  /** False once removed: whoever keeps a row for later looks here before using it. */
  live = true;
  /** What the last sweep saw, and how many sweeps have seen the same. */
  lastSum = 0;
  idleSweeps = 0;

  constructor(cells: Float64Array, values: readonly string[], labels: string) {
    this.cells = cells;
    this.values = values;
    this.labels = labels;
  }

  add(part: Part): void {
    this.parts = this.parts.concat(part);
  }

  drop(part: Part): void {
    this.parts = this.parts.filter((each) => each !== part);
  }
}

/** What a block adds up to, whatever its cells mean: it changes when anything is counted. */
export function sumOf(cells: Float64Array): number {
  return cells.reduce((total, cell) => total + cell, 0);
}
