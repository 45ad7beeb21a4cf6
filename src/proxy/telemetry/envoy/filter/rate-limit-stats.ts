import { add, at } from "../../../../metrics/cells.ts";
import type { Registry } from "../../../../metrics/registry.ts";
import type { Table } from "../../../../metrics/table.ts";
import { type ColumnSet, envoyColumns, statSegment } from "../columns.ts";

/** Envoy: configuration/http/http_filters/local_rate_limit_filter, statistics. */
type RateLimitStat = "enabled" | "enforced" | "ok" | "rate_limited" | "shadow_mode";

const KIND = "http_local_rate_limit";

const LIMIT: ColumnSet<RateLimitStat> = envoyColumns(KIND, {
  enabled: ["counter", "Requests that the limit was asked about."],
  enforced: ["counter", "Requests that the limit refused."],
  ok: ["counter", "Requests within the limit."],
  rate_limited: ["counter", "Requests over the limit, refused or not."],
  shadow_mode: ["counter", "Requests over the limit of a descriptor that only watches."],
});

export function rateLimitTable(registry: Registry): Table {
  return registry.table({
    name: KIND,
    columns: LIMIT.columns,
    labelNames: ["envoy_local_http_ratelimit_prefix"],
    rowsMax: 2000,
    statName: (column, [prefix = ""]) => `${statSegment(prefix)}.${KIND}.${column.stat}`,
  });
}

/** Statistics of the limits with one `stat_prefix`. */
export class RateLimitStats {
  readonly #cells: Float64Array;

  constructor(prefix: string, table: Table) {
    this.#cells = table.row([prefix]).cells;
  }

  count(stat: RateLimitStat): void {
    add(this.#cells, LIMIT.at[stat], 1);
  }

  value(stat: RateLimitStat): number {
    return at(this.#cells, LIMIT.at[stat]);
  }
}
