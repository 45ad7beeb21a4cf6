import { add, at } from "../../../../metrics/cells.ts";
import type { Registry } from "../../../../metrics/registry.ts";
import type { Table } from "../../../../metrics/table.ts";
import { type ColumnSet, envoyColumns, statSegment } from "../columns.ts";

/** Envoy: configuration/http/http_filters/jwt_authn_filter, statistics. */
export type JwtStat =
  | "allowed"
  | "cors_preflight_bypassed"
  | "denied"
  | "jwks_fetch_failed"
  | "jwks_fetch_success"
  | "jwt_cache_hit"
  | "jwt_cache_miss";

const JWT: ColumnSet<JwtStat> = envoyColumns("http_jwt_authn", {
  allowed: ["counter", "Requests that tokens, or none, let through."],
  cors_preflight_bypassed: ["counter", "CORS preflights that passed without a token."],
  denied: ["counter", "Requests refused for their tokens, or for having none."],
  jwks_fetch_failed: ["counter", "Fetches of keys that failed."],
  jwks_fetch_success: ["counter", "Fetches of keys that succeeded."],
  jwt_cache_hit: ["counter", "Tokens that the cache knew."],
  jwt_cache_miss: ["counter", "Tokens that no cache knew."],
});

export function jwtTable(registry: Registry): Table {
  return registry.table({
    name: "http_jwt_authn",
    columns: JWT.columns,
    labelNames: ["envoy_http_conn_manager_prefix"],
    rowsMax: 2000,
    statName: (column, [prefix = ""]) => `http.${statSegment(prefix)}.jwt_authn.${column.stat}`,
  });
}

/** Statistics of the JWT filters of connection managers with one `stat_prefix`. */
export class JwtStats {
  readonly #cells: Float64Array;

  constructor(prefix: string, table: Table) {
    this.#cells = table.row([prefix]).cells;
  }

  count(stat: JwtStat): void {
    add(this.#cells, JWT.at[stat], 1);
  }

  value(stat: JwtStat): number {
    return at(this.#cells, JWT.at[stat]);
  }
}
