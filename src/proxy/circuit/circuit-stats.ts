// hot path: no allocation per request
import type { CircuitState } from "../../breaker/breaker.ts";
import type { CircuitListener } from "../../breaker/circuit/options.ts";
import { add, observe } from "../../metrics/cells.ts";
import type { Row } from "../../metrics/row.ts";
import { type CircuitLabels, type CircuitTables, RECOVERY_BOUNDS } from "./circuit-tables.ts";

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
    this.#changes = STATES.map((to) => tables.changes.row([...labels, STATE_LABELS[to]]));
    this.#rejections = REJECTIONS.map((reason) => tables.rejections.row([...labels, reason]));
    this.#fallbacks = RESULTS.map((result) => tables.fallbacks.row([...labels, result]));
    this.#recovery = tables.recoveries.row(labels);
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
    const { changes, rejections, fallbacks, recoveries } = this.#tables;
    for (const row of this.#changes) changes.remove(row);
    for (const row of this.#rejections) rejections.remove(row);
    for (const row of this.#fallbacks) fallbacks.remove(row);
    recoveries.remove(this.#recovery);
  }
}

/** What is read off a circuit at each scrape, on one thread for all. */
export class CircuitGauges {
  readonly #tables: CircuitTables;
  readonly #state: Row;
  readonly #changes: readonly Row[];

  constructor(tables: CircuitTables, labels: CircuitLabels) {
    this.#tables = tables;
    this.#state = tables.states.row(labels);
    this.#changes = STATES.map((to) => tables.changes.row([...labels, STATE_LABELS[to]]));
  }

  /** `sinceMs`: when it last changed to a state, milliseconds since 1970; 0: never. */
  show(state: CircuitState, calls: number, sinceMs: (to: CircuitState) => number): void {
    const { cells } = this.#state;
    cells[0] = STATES.indexOf(state);
    cells[1] = calls;
    for (let i = 0; i < STATES.length; i++) {
      const row = this.#changes[i];
      if (row !== undefined) row.cells[1] = sinceMs(STATES[i] as CircuitState) / MS_PER_S;
    }
  }

  remove(): void {
    this.#tables.states.remove(this.#state);
    for (const row of this.#changes) this.#tables.changes.remove(row);
  }
}

function count(row: Row | undefined): void {
  if (row !== undefined) add(row.cells, 0, 1);
}
