// hot path: no allocation per request
import type { CircuitState } from "../../breaker/breaker.ts";
import type { CircuitListener } from "../../breaker/circuit/options.ts";
import { add, at, observe } from "../../metrics/cells.ts";
import type { Row } from "../../metrics/row.ts";
import type { Table } from "../../metrics/table.ts";
import {
  type CircuitLabels,
  type CircuitTables,
  giveRow,
  RECOVERY_BOUNDS,
  takeRow,
} from "./circuit-tables.ts";

/** Why a call was not let through. */
export type Rejection = "open" | "half_open" | "bulkhead";

/** What came of falling back. */
export type FallbackResult = "served" | "failed" | "missing" | "rejected" | "unrepeatable";

const STATES: readonly CircuitState[] = ["closed", "open", "halfOpen"];
const STATE_LABELS = { closed: "closed", open: "open", halfOpen: "half_open" } as const;
const REJECTIONS: readonly Rejection[] = ["open", "half_open", "bulkhead"];
const RESULTS: readonly FallbackResult[] = [
  "served",
  "failed",
  "missing",
  "rejected",
  "unrepeatable",
];

const MS_PER_S = 1000;

/** What one thread counts of one circuit. */
export class CircuitStats implements CircuitListener {
  readonly #tables: CircuitTables;
  readonly #changes: readonly Row[];
  readonly #rejections: readonly Row[];
  readonly #fallbacks: readonly Row[];
  readonly #recovery: Row;

  constructor(tables: CircuitTables, labels: CircuitLabels) {
    this.#tables = tables;
    const { changes, rejections, fallbacks, recoveries } = tables;
    const take = (table: Table, ...more: string[]): Row =>
      takeRow(tables, table, [...labels, ...more]);
    this.#changes = STATES.map((to) => take(changes, STATE_LABELS[to]));
    this.#rejections = REJECTIONS.map((reason) => take(rejections, reason));
    this.#fallbacks = RESULTS.map((result) => take(fallbacks, result));
    this.#recovery = take(recoveries);
  }

  rejected(reason: Rejection): void {
    count(this.#rejections[REJECTIONS.indexOf(reason)]);
  }

  fellBack(result: FallbackResult): void {
    count(this.#fallbacks[RESULTS.indexOf(result)]);
  }

  onTransition(_from: CircuitState, to: CircuitState, _at: number, brokenForMs: number): void {
    count(this.#changes[STATES.indexOf(to)]);
    if (to !== "closed") return;
    observe(this.#recovery.cells, 0, RECOVERY_BOUNDS, brokenForMs / MS_PER_S);
  }

  remove(): void {
    const tables = this.#tables;
    for (const row of this.#changes) giveRow(tables, tables.changes, row);
    for (const row of this.#rejections) giveRow(tables, tables.rejections, row);
    for (const row of this.#fallbacks) giveRow(tables, tables.fallbacks, row);
    giveRow(tables, tables.recoveries, this.#recovery);
  }
}

/** What is read off a circuit at each scrape, on one thread for all. */
export class CircuitGauges {
  readonly #tables: CircuitTables;
  readonly #state: Row;
  readonly #changes: readonly Row[];

  constructor(tables: CircuitTables, labels: CircuitLabels) {
    this.#tables = tables;
    this.#state = takeRow(tables, tables.states, labels);
    this.#changes = STATES.map((to) =>
      takeRow(tables, tables.changes, [...labels, STATE_LABELS[to]]),
    );
  }

  /** Before all of them are shown. */
  clear(): void {
    this.#state.cells.fill(0);
    for (const { cells } of this.#changes) cells[1] = 0;
  }

  /**
   * Circuits with the same labels show the one that is furthest from closed, and their calls
   * together. `sinceMs`: when it last changed to a state, milliseconds since 1970; 0: never.
   */
  show(state: CircuitState, calls: number, sinceMs: (to: CircuitState) => number): void {
    const { cells } = this.#state;
    cells[0] = Math.max(at(cells, 0), STATES.indexOf(state));
    cells[1] = at(cells, 1) + calls;
    for (let i = 0; i < STATES.length; i++) {
      const row = this.#changes[i];
      if (row === undefined) continue;
      row.cells[1] = Math.max(at(row.cells, 1), sinceMs(STATES[i] as CircuitState) / MS_PER_S);
    }
  }

  remove(): void {
    giveRow(this.#tables, this.#tables.states, this.#state);
    for (const row of this.#changes) giveRow(this.#tables, this.#tables.changes, row);
  }
}

function count(row: Row | undefined): void {
  if (row !== undefined) add(row.cells, 0, 1);
}
