import { add, at } from "../../../../metrics/cells.ts";
import type { Registry } from "../../../../metrics/registry.ts";
import type { Table } from "../../../../metrics/table.ts";
import { type ColumnSet, envoyColumns, statSegment } from "../columns.ts";

/** Envoy: configuration/http/http_filters/fault_filter, statistics. */
export type FaultStat =
  | "aborts_injected"
  | "delays_injected"
  | "response_rl_injected"
  | "faults_overflow"
  | "active_faults";

const FAULT: ColumnSet<FaultStat> = envoyColumns("http_fault", {
  aborts_injected: ["counter", "Requests that a fault filter answered."],
  delays_injected: ["counter", "Requests that a fault filter delayed."],
  response_rl_injected: ["counter", "Answers that a fault filter slowed down."],
  faults_overflow: ["counter", "Faults left out because of max_active_faults."],
  active_faults: ["gauge", "Requests in flight that have a fault."],
});

export function faultTable(registry: Registry): Table {
  return registry.table({
    name: "http_fault",
    columns: FAULT.columns,
    labelNames: ["envoy_http_conn_manager_prefix"],
    rowsMax: 2000,
    statName: (column, [prefix = ""]) => `http.${statSegment(prefix)}.fault.${column.stat}`,
  });
}

/** Statistics of the fault filters of connection managers with one `stat_prefix`. */
export class FaultStats {
  readonly #cells: Float64Array;

  constructor(prefix: string, table: Table) {
    this.#cells = table.row([prefix]).cells;
  }

  count(stat: Exclude<FaultStat, "active_faults">): void {
    add(this.#cells, FAULT.at[stat], 1);
  }

  /** So many more, or fewer, are under way. */
  active(change: 1 | -1): void {
    add(this.#cells, FAULT.at.active_faults, change);
  }

  value(stat: FaultStat): number {
    return at(this.#cells, FAULT.at[stat]);
  }
}
