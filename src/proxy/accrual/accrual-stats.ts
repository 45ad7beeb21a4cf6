// hot path: no allocation per request
import type { CircuitState } from "../../breaker/breaker.ts";
import { add, observe } from "../../metrics/cells.ts";
import type { Row } from "../../metrics/row.ts";
import { type AccrualTables, RECOVERY_BOUNDS } from "./accrual-tables.ts";

/** Why a request was answered without an endpoint. */
export type Refusal = "fail_fast" | "load_shed";

/** An endpoint's states, as Linkerd's users know them. */
const STATES = ["serving", "shut", "probation"] as const;
const STATE_OF: Readonly<Record<CircuitState, number>> = { closed: 0, open: 1, halfOpen: 2 };
const REFUSALS: readonly Refusal[] = ["fail_fast", "load_shed"];

const MS_PER_S = 1000;

const SHUT = 0;
const FAIL_FAST = 1;
const WAITING = 2;
const TRANSITIONS = 0;
const LAST_TRANSITION = 1;

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
