import { add, at } from "../../../../metrics/cells.ts";
import type { Registry } from "../../../../metrics/registry.ts";
import type { Table } from "../../../../metrics/table.ts";
import { type ColumnSet, envoyColumns, statSegment } from "../columns.ts";

/** Envoy: configuration/listeners/network_filters/local_rate_limit_filter, statistics. */
const KIND = "local_rate_limit";

const LIMIT: ColumnSet<"rate_limited"> = envoyColumns(KIND, {
  rate_limited: ["counter", "Connections closed as they were over the limit."],
});

export function connectionLimitTable(registry: Registry): Table {
  return registry.table({
    name: KIND,
    columns: LIMIT.columns,
    labelNames: ["envoy_local_network_ratelimit_prefix"],
    rowsMax: 2000,
    statName: (column, [prefix = ""]) => `${KIND}.${statSegment(prefix)}.${column.stat}`,
  });
}

/** Statistics of the limits of connections with one `stat_prefix`. */
export class ConnectionLimitStats {
  readonly #cells: Float64Array;

  constructor(prefix: string, table: Table) {
    this.#cells = table.row([prefix]).cells;
  }

  countRefused(): void {
    add(this.#cells, LIMIT.at.rate_limited, 1);
  }

  get refused(): number {
    return at(this.#cells, LIMIT.at.rate_limited);
  }
}
