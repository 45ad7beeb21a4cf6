import { counter, gauge, histogram } from "../../metrics/column.ts";
import type { Registry } from "../../metrics/registry.ts";
import type { Row } from "../../metrics/row.ts";
import type { Table } from "../../metrics/table.ts";

/** Seconds; sleeps are seconds, outages may be hours. */
export const RECOVERY_BOUNDS: readonly number[] = [
  0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600,
];
const ROWS_MAX = 4000;

/** The metrics of all circuits of a proxy: docs/metrics.md. */
export interface CircuitTables {
  readonly states: Table;
  readonly changes: Table;
  readonly rejections: Table;
  readonly fallbacks: Table;
  readonly recoveries: Table;
  /** How many use a row: circuits of one route at several ports have the same labels. */
  readonly users: Map<Row, number>;
}

/** A row for one user more. */
export function takeRow({ users }: CircuitTables, table: Table, values: readonly string[]): Row {
  const row = table.row(values);
  users.set(row, (users.get(row) ?? 0) + 1);
  return row;
}

/** A row goes with the last one who used it. */
export function giveRow({ users }: CircuitTables, table: Table, row: Row): void {
  const left = (users.get(row) ?? 1) - 1;
  if (left > 0) {
    users.set(row, left);
    return;
  }
  users.delete(row);
  table.remove(row);
}

/** `circuit`, and where it stands: the label that does not apply is empty, which is absent. */
const LABELS = ["circuit", "cluster", "route"];
export type CircuitLabels = readonly [circuit: string, cluster: string, route: string];

export function circuitTables(registry: Registry): CircuitTables {
  const table = (name: string, more: readonly string[], columns: Table["columns"]): Table =>
    registry.table({ name, columns, labelNames: [...LABELS, ...more], rowsMax: ROWS_MAX });
  return {
    users: new Map(),
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
