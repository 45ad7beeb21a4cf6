import { CellStore } from "./cell-store.ts";
import { counter, gauge } from "./column.ts";
import { type RowWatcher, Table, type TableOptions } from "./table.ts";

const OWN_COLUMNS = [
  counter(
    "outrigger_metrics_overflow_total",
    "Label sets that were folded into a table's overflow row because the table was full.",
  ),
  gauge("outrigger_metrics_rows", "Label sets that a table holds."),
];

/** All metrics of one program. */
export class Registry {
  readonly store: CellStore = new CellStore();
  readonly #tables: Table[] = [];
  readonly #watcher: RowWatcher | undefined;
  readonly #names = new Set<string>();
  readonly #collectors: (() => void)[] = [];
  readonly #own: Table;

  /** `watcher` hears of every row, those of the first table included. */
  constructor(watcher?: RowWatcher) {
    this.#watcher = watcher;
    this.#own = this.table({
      name: "metrics",
      columns: OWN_COLUMNS,
      labelNames: ["table"],
      rowsMax: 1000,
    });
    this.#own.overflows = this.#own.row([this.#own.name]).cells;
  }

  /** A new table. Throws a RangeError where a metric's name is taken. */
  table(options: TableOptions): Table {
    for (const column of options.columns) {
      if (this.#names.has(column.name)) throw new RangeError(`metric ${column.name} exists`);
      this.#names.add(column.name);
    }
    const table = new Table(options, this.store, this.#watcher);
    this.#tables.push(table);
    // The first table of all is the one that describes them.
    if (this.#tables.length > 1) table.overflows = this.#own.row([table.name]).cells;
    return table;
  }

  /** The tables in their order, as they are. */
  get tables(): readonly Table[] {
    return this.#tables;
  }

  /** `collect` runs before each scrape and sets the gauges that are read, not counted. */
  onCollect(collect: () => void): void {
    this.#collectors.push(collect);
  }

  /** The tables in their order, after the collectors have run. */
  collect(): readonly Table[] {
    for (const collector of this.#collectors) collector();
    for (const table of this.#tables) this.#describe(table);
    return this.#tables;
  }

  /** Forgets rows that have been idle; call it every few minutes. */
  sweep(): void {
    for (const table of this.#tables) table.sweep();
  }

  resetCounters(): void {
    for (const table of this.#tables) table.resetCounters();
  }

  #describe(table: Table): void {
    this.#own.row([table.name]).cells[1] = table.size;
  }
}
