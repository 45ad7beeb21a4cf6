import { counter, gauge, histogram } from "../../metrics/column.ts";
import type { Registry } from "../../metrics/registry.ts";
import type { Table } from "../../metrics/table.ts";

/** Seconds. */
export const RECOVERY_BOUNDS: readonly number[] = [
  0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600,
];
const ROWS_MAX = 4000;

/** docs/metrics.md. */
export interface AccrualTables {
  readonly endpoints: Table;
  readonly changes: Table;
  readonly refusals: Table;
  readonly recoveries: Table;
}

export function accrualTables(registry: Registry): AccrualTables {
  const table = (name: string, more: readonly string[], columns: Table["columns"]): Table =>
    registry.table({ name, columns, labelNames: ["cluster", ...more], rowsMax: ROWS_MAX });
  return {
    endpoints: table(
      "outrigger_accrual",
      [],
      [
        gauge("outrigger_accrual_shut_endpoints", "Endpoints that get no requests.", "", "max"),
        gauge("outrigger_accrual_fail_fast", "1: requests fail at once.", "", "max"),
        gauge("outrigger_accrual_waiting_requests", "Requests that wait for an endpoint."),
      ],
    ),
    changes: table(
      "outrigger_accrual_changes",
      ["to"],
      [
        counter("outrigger_accrual_transitions_total", "Changes of endpoints to a state."),
        gauge(
          "outrigger_accrual_last_transition_timestamp_seconds",
          "When an endpoint last changed to a state, seconds since 1970; 0: never.",
          "",
          "max",
        ),
      ],
    ),
    refusals: table(
      "outrigger_accrual_refusals",
      ["reason"],
      [counter("outrigger_accrual_refused_total", "Requests that no endpoint was there for.")],
    ),
    recoveries: table(
      "outrigger_accrual_recoveries",
      [],
      [
        histogram(
          "outrigger_accrual_recovery_seconds",
          "From the first time that an endpoint is shut until it serves again.",
          "",
          RECOVERY_BOUNDS,
        ),
      ],
    ),
  };
}
