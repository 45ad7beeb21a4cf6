// hot path: no allocation per request
import type { HttpVersion } from "../../../codec/http/message.ts";
import { add, at, observe } from "../../../metrics/cells.ts";
import { ENVOY_BOUNDS } from "../../../metrics/column.ts";
import { HTTP, type HttpStat, type HttpTables } from "./http-tables.ts";
import { ResponseCodes } from "./response-codes.ts";

const {
  downstream_cx_total: CX_TOTAL,
  downstream_cx_http1_total: CX_HTTP1,
  downstream_cx_http2_total: CX_HTTP2,
  downstream_cx_active: CX_ACTIVE,
  downstream_cx_http1_active: CX_HTTP1_ACTIVE,
  downstream_cx_http2_active: CX_HTTP2_ACTIVE,
  downstream_cx_destroy: CX_DESTROY,
  downstream_cx_destroy_local: CX_DESTROY_LOCAL,
  downstream_cx_destroy_remote: CX_DESTROY_REMOTE,
  downstream_cx_destroy_active_rq: CX_DESTROY_RQ,
  downstream_cx_destroy_local_active_rq: CX_DESTROY_LOCAL_RQ,
  downstream_cx_destroy_remote_active_rq: CX_DESTROY_REMOTE_RQ,
  downstream_cx_length_ms: CX_LENGTH_MS,
  downstream_cx_rx_bytes_total: CX_RX_BYTES,
  downstream_cx_tx_bytes_total: CX_TX_BYTES,
  downstream_rq_total: RQ_TOTAL,
  downstream_rq_http1_total: RQ_HTTP1,
  downstream_rq_http2_total: RQ_HTTP2,
  downstream_rq_active: RQ_ACTIVE,
  downstream_rq_completed: RQ_COMPLETED,
  downstream_rq_time: RQ_TIME,
} = HTTP.at;

/** What a client's connection speaks. */
export type HttpCodec = "http1" | "http2";

/** Envoy's statistics of the HTTP connection managers that share one `stat_prefix`. */
export class HttpStats {
  readonly prefix: string;
  readonly cells: Float64Array;
  readonly #classes: ResponseCodes;

  constructor(prefix: string, tables: HttpTables) {
    this.prefix = prefix;
    this.cells = tables.http.row([prefix]).cells;
    this.#classes = new ResponseCodes(undefined, tables.classes, [prefix]);
    this.#classes.showClasses();
  }

  /** Adds to a statistic that has no method of its own. */
  count(stat: HttpStat, amount = 1): void {
    add(this.cells, HTTP.at[stat], amount);
  }

  value(stat: HttpStat): number {
    return at(this.cells, HTTP.at[stat]);
  }

  connectionOpened(): void {
    add(this.cells, CX_TOTAL, 1);
    add(this.cells, CX_ACTIVE, 1);
  }

  /** The open connection's protocol is known. */
  codecChosen(codec: HttpCodec): void {
    add(this.cells, codec === "http2" ? CX_HTTP2 : CX_HTTP1, 1);
    add(this.cells, codec === "http2" ? CX_HTTP2_ACTIVE : CX_HTTP1_ACTIVE, 1);
  }

  /** Called before `connectionClosed`, where `codecChosen` was. */
  codecClosed(codec: HttpCodec): void {
    add(this.cells, codec === "http2" ? CX_HTTP2_ACTIVE : CX_HTTP1_ACTIVE, -1);
  }

  /** `local`: this proxy closed it. */
  connectionClosed(local: boolean, activeRequest: boolean, lengthMs: number): void {
    const { cells } = this;
    add(cells, CX_ACTIVE, -1);
    add(cells, CX_DESTROY, 1);
    add(cells, local ? CX_DESTROY_LOCAL : CX_DESTROY_REMOTE, 1);
    if (activeRequest) {
      add(cells, CX_DESTROY_RQ, 1);
      add(cells, local ? CX_DESTROY_LOCAL_RQ : CX_DESTROY_REMOTE_RQ, 1);
    }
    observe(cells, CX_LENGTH_MS, ENVOY_BOUNDS, lengthMs);
  }

  received(bytes: number): void {
    add(this.cells, CX_RX_BYTES, bytes);
  }

  sent(bytes: number): void {
    add(this.cells, CX_TX_BYTES, bytes);
  }

  /** Called by `RequestAccount`. */
  requestStarted(version: HttpVersion): void {
    add(this.cells, RQ_TOTAL, 1);
    add(this.cells, version === 20 ? RQ_HTTP2 : RQ_HTTP1, 1);
    add(this.cells, RQ_ACTIVE, 1);
  }

  /** Called by `RequestAccount`: the head of the final response goes out. */
  responded(code: number): void {
    add(this.cells, RQ_COMPLETED, 1);
    this.#classes.count(code);
  }

  /** Called by `RequestAccount`. */
  requestEnded(durationMs: number): void {
    add(this.cells, RQ_ACTIVE, -1);
    observe(this.cells, RQ_TIME, ENVOY_BOUNDS, durationMs);
  }
}
