import { add, at } from "../../../../metrics/cells.ts";
import type { Registry } from "../../../../metrics/registry.ts";
import type { Table } from "../../../../metrics/table.ts";
import { type ColumnSet, envoyColumns } from "../columns.ts";

/** Envoy: configuration/http/http_conn_man/stats, HTTP/1 codec statistics. */
export type Http1Stat =
  | "dropped_headers_with_underscores"
  | "requests_rejected_with_underscores_in_headers";

const HTTP1: ColumnSet<Http1Stat> = envoyColumns("http1", {
  dropped_headers_with_underscores: ["counter", "Fields dropped for an underscore in the name."],
  requests_rejected_with_underscores_in_headers: [
    "counter",
    "Requests refused for an underscore in a name.",
  ],
});

/** Envoy's statistics of the codec of all clients' HTTP/1 connections; shown from the first on. */
export class Http1Stats {
  readonly #table: Table;
  #cells: Float64Array | undefined;

  constructor(registry: Registry) {
    this.#table = registry.table({
      name: "http1",
      columns: HTTP1.columns,
      labelNames: [],
      rowsMax: 1,
      statName: (column) => `http1.${column.stat}`,
    });
  }

  count(stat: Http1Stat, amount = 1): void {
    this.#cells ??= this.#table.row([]).cells;
    add(this.#cells, HTTP1.at[stat], amount);
  }

  value(stat: Http1Stat): number {
    return this.#cells === undefined ? 0 : at(this.#cells, HTTP1.at[stat]);
  }
}
