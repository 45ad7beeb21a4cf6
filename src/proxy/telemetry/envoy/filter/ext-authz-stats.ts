import { add, at } from "../../../../metrics/cells.ts";
import type { Registry } from "../../../../metrics/registry.ts";
import type { Table } from "../../../../metrics/table.ts";
import { type ColumnSet, envoyColumns, statSegment } from "../columns.ts";

/** Envoy: configuration/http/http_filters/ext_authz_filter, statistics. */
export type ExtAuthzStat =
  | "denied"
  | "disabled"
  | "error"
  | "failure_mode_allowed"
  | "invalid"
  | "ok";

const KIND = "http_ext_authz";

const AUTHZ: ColumnSet<ExtAuthzStat> = envoyColumns(KIND, {
  denied: ["counter", "Requests that the authorization server refused."],
  disabled: ["counter", "Requests that filter_enabled_metadata passes over."],
  error: ["counter", "Requests for which the authorization server gave no usable answer."],
  failure_mode_allowed: ["counter", "Of those, the ones that passed (failure_mode_allow)."],
  invalid: ["counter", "Answers of the authorization server with headers that cannot be set."],
  ok: ["counter", "Requests that the authorization server let pass."],
});

/** By the connection manager's prefix and the filter's own. */
export function extAuthzTable(registry: Registry): Table {
  return registry.table({
    name: KIND,
    columns: AUTHZ.columns,
    labelNames: ["envoy_http_conn_manager_prefix", "envoy_ext_authz_prefix"],
    rowsMax: 2000,
    statName: (column, [prefix = "", own = ""]) => {
      const scope = own === "" ? "" : `${statSegment(own)}.`;
      return `http.${statSegment(prefix)}.ext_authz.${scope}${column.stat}`;
    },
  });
}

/** Statistics of one ext_authz filter. */
export class ExtAuthzStats {
  readonly #cells: Float64Array;

  constructor(prefix: string, own: string, table: Table) {
    this.#cells = table.row([prefix, own]).cells;
  }

  count(stat: ExtAuthzStat): void {
    add(this.#cells, AUTHZ.at[stat], 1);
  }

  value(stat: ExtAuthzStat): number {
    return at(this.#cells, AUTHZ.at[stat]);
  }
}
