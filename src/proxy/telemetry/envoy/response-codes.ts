// hot path: no allocation per request
import { add } from "../../../metrics/cells.ts";
import type { Row } from "../../../metrics/row.ts";
import type { Table } from "../../../metrics/table.ts";

const NO_CELLS = new Float64Array(1);

/**
 * Counts responses by code and by class, as Envoy's `upstream_rq_200` and `upstream_rq_2xx`. The
 * rows appear with their first response; codes outside 100..599 count nowhere.
 */
export class ResponseCodes {
  readonly #codeTable: Table | undefined;
  readonly #classTable: Table;
  readonly #values: readonly string[];
  readonly #codes: Float64Array[] = [];
  readonly #classes: Float64Array[] = [];
  readonly #rows: Row[] = [];
  readonly #classRows: Row[] = [];

  /** `values`: the labels after the code's own. Without a code table only classes are counted. */
  constructor(codeTable: Table | undefined, classTable: Table, values: readonly string[]) {
    this.#codeTable = codeTable;
    this.#classTable = classTable;
    this.#values = values;
  }

  count(code: number): void {
    if (!(code >= 100 && code <= 599)) return;
    const kind = (code / 100) | 0;
    const classCells = this.#classes[kind] ?? NO_CELLS;
    add(classCells === NO_CELLS ? this.#addClass(kind) : classCells, 0, 1);
    if (this.#codeTable === undefined) return;
    const codeCells = this.#codes[code] ?? NO_CELLS;
    add(codeCells === NO_CELLS ? this.#addCode(this.#codeTable, code) : codeCells, 0, 1);
  }

  /** Makes the rows of all five classes, as Envoy does for listeners and connection managers. */
  showClasses(): void {
    for (let kind = 1; kind <= 5; kind++) this.#addClass(kind);
  }

  remove(): void {
    for (const row of this.#rows) this.#codeTable?.remove(row);
    for (const row of this.#classRows) this.#classTable.remove(row);
  }

  #addClass(kind: number): Float64Array {
    while (this.#classes.length < kind) this.#classes.push(NO_CELLS);
    const row = this.#classTable.row([String(kind)].concat(this.#values));
    this.#classRows.push(row);
    this.#classes[kind] = row.cells;
    return row.cells;
  }

  #addCode(table: Table, code: number): Float64Array {
    while (this.#codes.length < 600) this.#codes.push(NO_CELLS);
    const row = table.row([String(code)].concat(this.#values));
    this.#rows.push(row);
    this.#codes[code] = row.cells;
    return row.cells;
  }
}
