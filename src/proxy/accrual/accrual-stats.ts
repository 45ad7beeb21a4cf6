// hot path: no allocation per request
import type { CircuitState } from "../../breaker/breaker.ts";
import { add, observe } from "../../metrics/cells.ts";
import { counter, gauge, histogram } from "../../metrics/column.ts";
import type { Registry } from "../../metrics/registry.ts";
import type { Row } from "../../metrics/row.ts";
import type { Table } from "../../metrics/table.ts";

/** Why a request was answered without an endpoint. */
export type Refusal = "fail_fast" | "load_shed";

/** An endpoint's states, as Linkerd's users know them. */
const STATES = ["serving", "shut", "probation"] as const;
const STATE_OF: Readonly<Record<CircuitState, number>> = { closed: 0, open: 1, halfOpen: 2 };
const REFUSALS: readonly Refusal[] = ["fail_fast", "load_shed"];

/** Seconds. */
const RECOVERY_BOUNDS: readonly number[] = [
  0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600,
];
const ROWS_MAX = 4000;
const MS_PER_S = 1000;

const SHUT = 0;
const FAIL_FAST = 1;
const WAITING = 2;
const TRANSITIONS = 0;
const LAST_TRANSITION = 1;

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

/** What one thread counts of one cluster's endpoints. */
export class AccrualStats {
  readonly #tables: AccrualTables;
  readonly #endpoints: Row;
  readonly #changes: readonly Row[];
  readonly #refusals: readonly Row[];
  readonly #recovery: Row;

  /** `cluster`: its name. */
  constructor(tables: AccrualTables, cluster: string) {
    this.#tables = tables;
    this.#endpoints = tables.endpoints.row([cluster]);
    this.#changes = STATES.map((to) => tables.changes.row([cluster, to]));
    this.#refusals = REFUSALS.map((reason) => tables.refusals.row([cluster, reason]));
    this.#recovery = tables.recoveries.row([cluster]);
  }

  /** One endpoint more is shut, or waits for the answer to its request on probation. */
  shut(): void {
    add(this.#endpoints.cells, SHUT, 1);
  }

  reopened(): void {
    add(this.#endpoints.cells, SHUT, -1);
  }

  /** `wallMs`: since 1970. `brokenForMs`: since it last served. */
  changed(to: CircuitState, wallMs: number, brokenForMs: number): void {
    const cells = this.#changes[STATE_OF[to]]?.cells;
    if (cells !== undefined) {
      add(cells, TRANSITIONS, 1);
      cells[LAST_TRANSITION] = wallMs / MS_PER_S;
    }
    if (to !== "closed") return;
    observe(this.#recovery.cells, 0, RECOVERY_BOUNDS, brokenForMs / MS_PER_S);
  }

  failFast(on: boolean): void {
    this.#endpoints.cells[FAIL_FAST] = on ? 1 : 0;
  }

  waiting(requests: number): void {
    this.#endpoints.cells[WAITING] = requests;
  }

  refused(reason: Refusal): void {
    const cells = this.#refusals[REFUSALS.indexOf(reason)]?.cells;
    if (cells !== undefined) add(cells, 0, 1);
  }

  /** The cluster is no more. */
  remove(): void {
    const { endpoints, changes, refusals, recoveries } = this.#tables;
    endpoints.remove(this.#endpoints);
    for (const row of this.#changes) changes.remove(row);
    for (const row of this.#refusals) refusals.remove(row);
    recoveries.remove(this.#recovery);
  }
}
