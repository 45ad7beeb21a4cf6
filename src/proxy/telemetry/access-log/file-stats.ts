import { add } from "../../../metrics/cells.ts";
import type { Registry } from "../../../metrics/registry.ts";
import { type ColumnSet, envoyColumns } from "../envoy/columns.ts";

/** Envoy: operations/stats_overview, "File system". */
type FileStat =
  | "flushed_by_timer"
  | "reopen_failed"
  | "write_buffered"
  | "write_completed"
  | "write_failed"
  | "write_total_buffered";

const FILE: ColumnSet<FileStat> = envoyColumns("filesystem", {
  flushed_by_timer: ["counter", "Writes of access logs because a second had passed."],
  reopen_failed: ["counter", "Access log files that could not be opened again."],
  write_buffered: ["counter", "Lines that were put into a buffer."],
  write_completed: ["counter", "Writes that took bytes."],
  write_failed: ["counter", "Writes that failed."],
  write_total_buffered: ["gauge", "Characters that wait to be written."],
});

/** Envoy's statistics of all access log files together; shown from the first on. */
export class FileStats {
  readonly #cells: Float64Array;

  constructor(registry: Registry) {
    const table = registry.table({
      name: "filesystem",
      columns: FILE.columns,
      labelNames: [],
      rowsMax: 1,
      statName: ({ stat }) => `filesystem.${stat}`,
    });
    this.#cells = table.row([]).cells;
  }

  count(stat: Exclude<FileStat, "write_total_buffered">): void {
    add(this.#cells, FILE.at[stat], 1);
  }

  /** `chars` more, or less where it is negative, wait for a write. */
  buffered(lines: number, chars: number): void {
    add(this.#cells, FILE.at.write_buffered, lines);
    add(this.#cells, FILE.at.write_total_buffered, chars);
  }
}
