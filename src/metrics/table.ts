import type { CellStore } from "./cell-store.ts";
import { type Column, cellsOf, checkColumn } from "./column.ts";
import { formatLabels } from "./label.ts";

/** One label set and its numbers, the columns' cells side by side. */
export class Row {
  readonly cells: Float64Array;
  readonly values: readonly string[];
  /** `a="1",b="2"`, escaped; empty without labels. */
  readonly labels: string;
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
}

export interface TableOptions {
  /** Names the table in the overflow counter. */
  readonly name: string;
  readonly columns: readonly Column[];
  readonly labelNames: readonly string[];
  /** More label sets than these share one row, whose labels all say `overflow`. */
  readonly rowsMax: number;
  /** Remove a row that this many sweeps found unchanged; 0 keeps rows until removed by hand. */
  readonly idleSweepsMax?: number;
  /** Envoy's dotted name of a statistic; undefined for metrics that Envoy does not have. */
  readonly statName?: (column: Column, values: readonly string[]) => string;
}

const OVERFLOW = "overflow";

/**
 * Metrics that share their labels. Resolving a label set costs a string and a lookup, so callers
 * resolve once and keep the row; counting is then an addition to a cell.
 */
export class Table {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly labelNames: readonly string[];
  readonly rowsMax: number;
  readonly statName: TableOptions["statName"];
  /** Where each column starts in a row's cells. */
  readonly offsets: readonly number[];
  /** How often a label set was folded into the overflow row. */
  overflows = 0;
  readonly #store: CellStore;
  readonly #idleSweepsMax: number;
  readonly #width: number;
  readonly #rows = new Map<string, Row>();
  #overflow: Row | undefined;

  constructor(options: TableOptions, store: CellStore) {
    options.columns.forEach(checkColumn);
    this.name = options.name;
    this.columns = options.columns;
    this.labelNames = options.labelNames;
    this.rowsMax = options.rowsMax;
    this.statName = options.statName;
    this.#idleSweepsMax = options.idleSweepsMax ?? 0;
    this.#store = store;
    const offsets: number[] = [];
    let width = 0;
    for (const column of options.columns) {
      offsets.push(width);
      width += cellsOf(column);
    }
    this.offsets = offsets;
    this.#width = width;
  }

  /** The row of a label set, made at its first use. Past `rowsMax` it is the overflow row. */
  row(values: readonly string[]): Row {
    const labels = formatLabels(this.labelNames, values);
    const row = this.#rows.get(labels);
    if (row !== undefined) return row;
    if (this.#rows.size >= this.rowsMax) return this.#overflowRow();
    const made = new Row(this.#store.allocate(this.#width), values.slice(), labels);
    this.#rows.set(labels, made);
    return made;
  }

  /** Takes a row out of every later scrape; whoever still holds it may go on counting. */
  remove(row: Row): void {
    if (!row.live || row === this.#overflow) return;
    row.live = false;
    this.#rows.delete(row.labels);
    this.#store.release(row.cells);
  }

  /** The rows that a scrape shows, oldest first. A copy: rows may come and go meanwhile. */
  snapshot(): Row[] {
    const rows = Array.from(this.#rows.values());
    if (this.#overflow !== undefined) rows.push(this.#overflow);
    return rows;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** Removes the rows that nothing has counted in for `idleSweepsMax` sweeps. */
  sweep(): void {
    if (this.#idleSweepsMax === 0) return;
    for (const row of Array.from(this.#rows.values())) {
      const sum = row.cells.reduce((total, cell) => total + cell, 0);
      row.idleSweeps = sum === row.lastSum ? row.idleSweeps + 1 : 0;
      row.lastSum = sum;
      if (row.idleSweeps >= this.#idleSweepsMax) this.remove(row);
    }
  }

  /** Sets every counter and histogram to zero; gauges keep what they say. */
  resetCounters(): void {
    for (const row of this.snapshot()) {
      this.columns.forEach((column, i) => {
        const start = this.offsets[i] ?? 0;
        if (column.kind !== "gauge") row.cells.fill(0, start, start + cellsOf(column));
      });
    }
  }

  #overflowRow(): Row {
    this.overflows++;
    if (this.#overflow === undefined) {
      const values = this.labelNames.map(() => OVERFLOW);
      const labels = formatLabels(this.labelNames, values);
      this.#overflow = new Row(this.#store.allocate(this.#width), values, labels);
    }
    return this.#overflow;
  }
}

/** `cluster.NAME.upstream_rq_total` where Envoy has such a name, else `metric{labels}`. */
export function statNameOf(table: Table, column: Column, row: Row): string {
  if (table.statName !== undefined) return table.statName(column, row.values);
  return row.labels === "" ? column.name : `${column.name}{${row.labels}}`;
}
