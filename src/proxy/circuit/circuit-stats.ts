// hot path: no allocation per request
import type { CircuitState } from "../../breaker/breaker.ts";
import type { CircuitListener } from "../../breaker/circuit/options.ts";
import { add, observe } from "../../metrics/cells.ts";
import { counter, gauge, histogram } from "../../metrics/column.ts";
import type { Registry } from "../../metrics/registry.ts";
import type { Row } from "../../metrics/row.ts";
import type { Table } from "../../metrics/table.ts";

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

/** Seconds; sleeps are seconds, outages may be hours. */
const RECOVERY_BOUNDS: readonly number[] = [
  0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600,
];
const ROWS_MAX = 4000;
const MS_PER_S = 1000;

/** The metrics of all circuits of a proxy: docs/metrics.md. */
export interface CircuitTables {
  readonly states: Table;
  readonly changes: Table;
  readonly rejections: Table;
  readonly fallbacks: Table;
  readonly recoveries: Table;
}

/** `circuit`, and where it stands: the label that does not apply is empty, which is absent. */
const LABELS = ["circuit", "cluster", "route"];
export type CircuitLabels = readonly [circuit: string, cluster: string, route: string];

export function circuitTables(registry: Registry): CircuitTables {
  const table = (name: string, more: readonly string[], columns: Table["columns"]): Table =>
    registry.table({ name, columns, labelNames: [...LABELS, ...more], rowsMax: ROWS_MAX });
  return {
    states: table(
      "outrigger_circuit",
      [],
      [
        gauge("outrigger_circuit_state", "0 closed, 1 open, 2 half-open.", "", "max"),
        gauge("outrigger_circuit_calls", "Calls that are under way.", "", "max"),
      ],
    ),
    changes: table(
      "outrigger_circuit_changes",
      ["to"],
      [
        counter("outrigger_circuit_transitions_total", "Changes of a circuit to a state."),
        gauge(
          "outrigger_circuit_last_transition_timestamp_seconds",
          "When a circuit last changed to a state, seconds since 1970; 0: never.",
          "",
          "max",
        ),
      ],
    ),
    rejections: table(
      "outrigger_circuit_rejections",
      ["reason"],
      [counter("outrigger_circuit_rejected_total", "Calls that a circuit did not let through.")],
    ),
    fallbacks: table(
      "outrigger_circuit_fallbacks",
      ["result"],
      [counter("outrigger_circuit_fallback_total", "Refused or failed calls that fell back.")],
    ),
    recoveries: table(
      "outrigger_circuit_recoveries",
      [],
      [
        histogram(
          "outrigger_circuit_recovery_seconds",
          "From the first opening of a circuit until it is closed again.",
          "",
          RECOVERY_BOUNDS,
        ),
      ],
    ),
  };
}

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
