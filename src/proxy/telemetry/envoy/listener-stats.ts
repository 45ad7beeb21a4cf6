// hot path: no allocation per request
import { add, at, observe } from "../../../metrics/cells.ts";
import { ENVOY_BOUNDS } from "../../../metrics/column.ts";
import type { Row } from "../../../metrics/row.ts";
import { LISTENER, type ListenerStat, type ListenerTables } from "./listener-tables.ts";
import { ResponseCodes } from "./response-codes.ts";

const {
  downstream_cx_total: CX_TOTAL,
  downstream_cx_active: CX_ACTIVE,
  downstream_cx_destroy: CX_DESTROY,
  downstream_cx_length_ms: CX_LENGTH_MS,
} = LISTENER.at;

/** Envoy's statistics of one listener. */
export class ListenerStats {
  /** `127.0.0.1_15001`: the address, its colons replaced. */
  readonly address: string;
  readonly cells: Float64Array;
  readonly #row: Row;
  readonly #tables: ListenerTables;
  readonly #http = new Map<string, ListenerHttpStats>();

  constructor(address: string, tables: ListenerTables) {
    this.address = address;
    this.#tables = tables;
    this.#row = tables.listener.row([address]);
    this.cells = this.#row.cells;
  }

  /** Adds to a statistic that has no method of its own. */
  count(stat: ListenerStat, amount = 1): void {
    add(this.cells, LISTENER.at[stat], amount);
  }

  value(stat: ListenerStat): number {
    return at(this.cells, LISTENER.at[stat]);
  }

  connectionOpened(): void {
    add(this.cells, CX_TOTAL, 1);
    add(this.cells, CX_ACTIVE, 1);
  }

  connectionClosed(lengthMs: number): void {
    add(this.cells, CX_ACTIVE, -1);
    add(this.cells, CX_DESTROY, 1);
    observe(this.cells, CX_LENGTH_MS, ENVOY_BOUNDS, lengthMs);
  }

  /** What this listener answers through connection managers of one `stat_prefix`. */
  http(prefix: string): ListenerHttpStats {
    let stats = this.#http.get(prefix);
    if (stats === undefined) {
      stats = new ListenerHttpStats(prefix, this.address, this.#tables);
      this.#http.set(prefix, stats);
    }
    return stats;
  }

  /** The listener is gone: out of every later scrape. */
  remove(): void {
    this.#tables.listener.remove(this.#row);
    this.#http.forEach(removeHttp);
  }
}

/** Responses by listener and connection manager. */
export class ListenerHttpStats {
  readonly #row: Row;
  readonly #tables: ListenerTables;
  readonly #classes: ResponseCodes;

  constructor(prefix: string, address: string, tables: ListenerTables) {
    this.#tables = tables;
    this.#row = tables.http.row([prefix, address]);
    this.#classes = new ResponseCodes(undefined, tables.httpClasses, [prefix, address]);
    this.#classes.showClasses();
  }

  responded(code: number): void {
    add(this.#row.cells, 0, 1);
    this.#classes.count(code);
  }

  remove(): void {
    this.#tables.http.remove(this.#row);
    this.#classes.remove();
  }
}

function removeHttp(stats: ListenerHttpStats): void {
  stats.remove();
}
