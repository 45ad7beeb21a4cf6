import { viewOf } from "./cell-store.ts";
import type { Registry } from "./registry.ts";
import type { Part, Row } from "./row.ts";
import type { JournalEntry, JournalRow } from "./row-journal.ts";
import type { Table } from "./table.ts";

interface ForeignRow {
  readonly table: Table;
  readonly row: Row;
  readonly part: Part;
}

/** The rows of one other thread, as its journal tells of them, joined to those of a registry. */
export class ForeignRows {
  readonly #tables: ReadonlyMap<string, Table>;
  readonly #forget: (id: number, sum: number) => void;
  readonly #chunks: SharedArrayBuffer[] = [];
  readonly #rows = new Map<number, ForeignRow>();

  /** The registry has the tables that the other thread has. `forget` is a word to its journal. */
  constructor(registry: Registry, forget: (id: number, sum: number) => void) {
    this.#tables = new Map(registry.tables.map((table) => [table.name, table]));
    this.#forget = forget;
  }

  /** Gives the rows that are no longer looked at, for the journal to release. */
  take(entry: JournalEntry): readonly number[] {
    this.#chunks.push(...entry.chunks);
    for (const row of entry.added) this.#add(row);
    for (const id of entry.removed) this.#remove(id, false);
    return entry.removed;
  }

  /** The other thread is no more: what it has counted stays, what it had in flight does not. */
  end(): void {
    for (const id of Array.from(this.#rows.keys())) this.#remove(id, true);
  }

  #add({ id, table: name, values, chunk, start }: JournalRow): void {
    const table = this.#tables.get(name);
    const memory = this.#chunks[chunk];
    if (table === undefined || memory === undefined) return;
    const cells = viewOf(memory, { chunk, start, length: table.width });
    const part: Part = { cells, forget: (sum) => this.#forget(id, sum) };
    this.#rows.set(id, { table, row: table.join(values, part), part });
  }

  #remove(id: number, keep: boolean): void {
    const known = this.#rows.get(id);
    if (known === undefined) return;
    this.#rows.delete(id);
    known.table.leave(known.row, known.part, keep);
  }
}
