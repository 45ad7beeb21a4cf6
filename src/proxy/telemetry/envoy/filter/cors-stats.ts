import { add, at } from "../../../../metrics/cells.ts";
import type { Registry } from "../../../../metrics/registry.ts";
import type { Table } from "../../../../metrics/table.ts";
import { type ColumnSet, envoyColumns, statSegment } from "../columns.ts";

/** Envoy: configuration/http/http_filters/cors_filter, statistics. */
export type CorsStat = "origin_invalid" | "origin_valid";

const CORS: ColumnSet<CorsStat> = envoyColumns("http_cors", {
  origin_invalid: ["counter", "Requests of sites that the policy does not allow."],
  origin_valid: ["counter", "Requests of sites that the policy allows."],
});

export function corsTable(registry: Registry): Table {
  return registry.table({
    name: "http_cors",
    columns: CORS.columns,
    labelNames: ["envoy_http_conn_manager_prefix"],
    rowsMax: 2000,
    statName: (column, [prefix = ""]) => `http.${statSegment(prefix)}.cors.${column.stat}`,
  });
}

/** Statistics of the CORS filters of connection managers with one `stat_prefix`. */
export class CorsStats {
  readonly #cells: Float64Array;

  constructor(prefix: string, table: Table) {
    this.#cells = table.row([prefix]).cells;
  }

  count(stat: CorsStat): void {
    add(this.#cells, CORS.at[stat], 1);
  }

  value(stat: CorsStat): number {
    return at(this.#cells, CORS.at[stat]);
  }
}
