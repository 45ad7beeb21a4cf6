import type { CellStore } from "./cell-store.ts";
import { add, at } from "./cells.ts";
import { type Column, cellsOf, checkColumn } from "./column.ts";
import { formatLabels } from "./label.ts";
import { type Part, Row, sumOf } from "./row.ts";

/** Hears of rows that come and go, to tell another thread. */
export interface RowWatcher {
  added(table: Table, row: Row): void;
  removed(row: Row): void;
}

const NOBODY: RowWatcher = { added: () => undefined, removed: () => undefined };

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
  /** Its first cell counts the label sets that were folded into the overflow row. */
  overflows: Float64Array = new Float64Array(1);
  readonly #store: CellStore;
  readonly #watcher: RowWatcher;
  /** Cells that are the largest of all threads' and not their sum. */
  readonly #largest = new Set<number>();
  readonly #idleSweepsMax: number;
  readonly #width: number;
  readonly #rows = new Map<string, Row>();
  #overflow: Row | undefined;

  constructor(options: TableOptions, store: CellStore, watcher: RowWatcher = NOBODY) {
    options.columns.forEach(checkColumn);
    this.name = options.name;
    this.columns = options.columns;
    this.labelNames = options.labelNames;
    this.rowsMax = options.rowsMax;
    this.statName = options.statName;
    this.#idleSweepsMax = options.idleSweepsMax ?? 0;
    this.#store = store;
    this.#watcher = watcher;
    const offsets: number[] = [];
    let width = 0;
    for (const column of options.columns) {
      offsets.push(width);
      if (column.kind !== "histogram" && column.merge === "max") this.#largest.add(width);
      width += cellsOf(column);
    }
    this.offsets = offsets;
    this.#width = width;
  }

  /** How many cells a row takes. */
  get width(): number {
    return this.#width;
  }

  /** The row of a label set, made at its first use. Past `rowsMax` it is the overflow row. */
  row(values: readonly string[]): Row {
    const row = this.#find(values);
    row.own = true;
    if (row === this.#overflow) add(this.overflows, 0, 1);
    return row;
  }

  /** The row of a label set that another thread counts in. */
  join(values: readonly string[], part: Part): Row {
    const overflow = values.every((value) => value === OVERFLOW) && values.length > 0;
    const row = overflow ? this.#overflowRow() : this.#find(values);
    row.add(part);
    return row;
  }

  /**
   * That thread counts there no more: its counters and histograms are kept, its gauges are not. A
   * row that was only its own goes, unless `keep` says that others will come for it.
   */
  leave(row: Row, part: Part, keep: boolean): void {
    row.drop(part);
    if (!row.live) return;
    if (!keep && row.parts.length === 0 && !row.own && row !== this.#overflow) {
      this.remove(row);
      return;
    }
    this.columns.forEach((column, i) => {
      if (column.kind === "gauge") return;
      const start = this.offsets[i] ?? 0;
      for (let cell = start; cell < start + cellsOf(column); cell++) {
        row.cells[cell] = this.#merge(cell, at(row.cells, cell), at(part.cells, cell));
      }
    });
  }

  /** Removes the rows of this label value that no thread counts in any more. */
  removeAbandoned(labelName: string, value: string): void {
    const label = this.labelNames.indexOf(labelName);
    if (label < 0) return;
    for (const row of this.snapshot()) {
      if (row.values[label] === value && row.parts.length === 0 && !row.own) this.remove(row);
    }
  }

  /** Takes a row out of every later scrape; whoever still holds it may go on counting. */
  remove(row: Row): void {
    if (!row.live || row === this.#overflow) return;
    row.live = false;
    this.#rows.delete(row.labels);
    this.#watcher.removed(row);
    this.#store.release(row.cells);
  }

  /** One cell of a row, over all threads that count in it. */
  value(row: Row, cell: number): number {
    let value = at(row.cells, cell);
    for (const { cells } of row.parts) value = this.#merge(cell, value, at(cells, cell));
    return value;
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
      const sums = row.parts.map(({ cells }) => sumOf(cells));
      const sum = sums.reduce((total, part) => total + part, sumOf(row.cells));
      row.idleSweeps = sum === row.lastSum ? row.idleSweeps + 1 : 0;
      row.lastSum = sum;
      if (row.idleSweeps < this.#idleSweepsMax) continue;
      if (row.parts.length === 0) this.remove(row);
      for (const [i, part] of row.parts.entries()) part.forget(sums[i] ?? 0);
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

  #merge(cell: number, one: number, other: number): number {
    return this.#largest.has(cell) ? Math.max(one, other) : one + other;
  }

  #find(values: readonly string[]): Row {
    const labels = formatLabels(this.labelNames, values);
    const row = this.#rows.get(labels);
    if (row !== undefined) return row;
    if (this.#rows.size >= this.rowsMax) return this.#overflowRow();
    const made = this.#make(values.slice(), labels);
    this.#rows.set(labels, made);
    return made;
  }

  #overflowRow(): Row {
    if (this.#overflow === undefined) {
      const values = this.labelNames.map(() => OVERFLOW);
      this.#overflow = this.#make(values, formatLabels(this.labelNames, values));
    }
    return this.#overflow;
  }

  #make(values: readonly string[], labels: string): Row {
    const row = new Row(this.#store.allocate(this.#width), values, labels);
    this.#watcher.added(this, row);
    return row;
  }
}

/** `cluster.NAME.upstream_rq_total` where Envoy has such a name, else `metric{labels}`. */
export function statNameOf(table: Table, column: Column, row: Row): string {
  if (table.statName !== undefined) return table.statName(column, row.values);
  return row.labels === "" ? column.name : `${column.name}{${row.labels}}`;
}
