import type { CellStore } from "./cell-store.ts";
import { type Row, sumOf } from "./row.ts";
import type { RowWatcher, Table } from "./table.ts";

/** One row as another thread hears of it. */
export interface JournalRow {
  readonly id: number;
  readonly table: string;
  readonly values: readonly string[];
  /** Where its cells lie: the chunk, by its place among all that were sent, and the first cell. */
  readonly chunk: number;
  readonly start: number;
}

/** What has come and gone since the last entry, in this order: chunks, added, removed. */
export interface JournalEntry {
  readonly chunks: readonly SharedArrayBuffer[];
  readonly removed: readonly number[];
  readonly added: readonly JournalRow[];
}

/**
 * Tells another thread of the rows of this one, so that it can read them: a message for each batch
 * of rows, none for what is counted in them. The cells of a removed row stay as they are until the
 * other thread has said that it looks there no more.
 */
export class RowJournal implements RowWatcher {
  readonly #send: (entry: JournalEntry) => void;
  readonly #ids = new Map<Row, number>();
  readonly #rows = new Map<number, { readonly table: Table; readonly row: Row }>();
  #store: CellStore | undefined;
  #lastId = 0;
  #chunksSent = 0;
  #added: Row[] = [];
  #removed: number[] = [];
  #scheduled = false;

  constructor(send: (entry: JournalEntry) => void) {
    this.#send = send;
  }

  /** Where the rows' cells lie; nothing is told before. */
  begin(store: CellStore): void {
    this.#store = store;
    this.#schedule();
  }

  added(table: Table, row: Row): void {
    const id = ++this.#lastId;
    this.#ids.set(row, id);
    this.#rows.set(id, { table, row });
    this.#added.push(row);
    this.#schedule();
  }

  removed(row: Row): void {
    const id = this.#ids.get(row);
    if (id === undefined) return;
    this.#removed.push(id);
    this.#schedule();
  }

  /** The other thread looks at these rows no more. */
  release(ids: readonly number[]): void {
    for (const id of ids) {
      const entry = this.#rows.get(id);
      this.#rows.delete(id);
      if (entry !== undefined) this.#ids.delete(entry.row);
    }
  }

  /** The other thread found a row idle: it goes, unless something was counted meanwhile. */
  forget(id: number, sum: number): void {
    const entry = this.#rows.get(id);
    if (entry !== undefined && sumOf(entry.row.cells) === sum) entry.table.remove(entry.row);
  }

  /** Tells now what would be told at the end of this turn. */
  flush(): void {
    this.#scheduled = false;
    const store = this.#store;
    if (store === undefined || this.#added.length + this.#removed.length === 0) return;
    const added = this.#added.flatMap((row) => this.#describe(row, store));
    const removed = this.#removed;
    const chunks = store.chunks.slice(this.#chunksSent);
    this.#chunksSent = store.chunks.length;
    this.#added = [];
    this.#removed = [];
    this.#send({ chunks, removed, added });
  }

  #describe(row: Row, store: CellStore): JournalRow[] {
    const id = this.#ids.get(row) ?? 0;
    const entry = this.#rows.get(id);
    if (entry === undefined) return [];
    const { chunk, start } = store.blockOf(row.cells);
    return [{ id, table: entry.table.name, values: row.values, chunk, start }];
  }

  #schedule(): void {
    if (this.#scheduled || this.#store === undefined) return;
    this.#scheduled = true;
    queueMicrotask(() => this.flush());
  }
}
