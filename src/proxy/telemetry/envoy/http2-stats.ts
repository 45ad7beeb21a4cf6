import { FLOOD } from "../../../codec/h2/receive/flood-guard.ts";
import { add, at } from "../../../metrics/cells.ts";
import type { Registry } from "../../../metrics/registry.ts";
import type { Table } from "../../../metrics/table.ts";
import { type ColumnSet, envoyColumns } from "./columns.ts";

/** Envoy: configuration/http/http_conn_man/stats, HTTP/2 codec statistics. */
export type Http2Stat =
  | "dropped_headers_with_underscores"
  | "goaway_sent"
  | "header_overflow"
  | "inbound_empty_frames_flood"
  | "inbound_priority_frames_flood"
  | "inbound_window_update_frames_flood"
  | "keepalive_timeout"
  | "outbound_control_flood"
  | "outbound_flood"
  | "requests_rejected_with_underscores_in_headers"
  | "rx_messaging_error"
  | "rx_reset"
  | "stream_refused_errors"
  | "trailers"
  | "tx_flush_timeout"
  | "tx_reset"
  | "streams_active";

const HTTP2: ColumnSet<Http2Stat> = envoyColumns("http2", {
  dropped_headers_with_underscores: ["counter", "Fields dropped for an underscore in the name."],
  goaway_sent: ["counter", "GOAWAY frames sent."],
  header_overflow: ["counter", "Heads that were too large."],
  inbound_empty_frames_flood: ["counter", "Connections closed for frames that said nothing."],
  inbound_priority_frames_flood: ["counter", "Connections closed for too many PRIORITY frames."],
  inbound_window_update_frames_flood: [
    "counter",
    "Connections closed for too many WINDOW_UPDATE frames.",
  ],
  keepalive_timeout: ["counter", "Connections that did not answer a PING."],
  outbound_control_flood: [
    "counter",
    "Connections closed because the client provoked more frames than it took.",
  ],
  outbound_flood: ["counter", "Connections closed because the client took nothing."],
  requests_rejected_with_underscores_in_headers: [
    "counter",
    "Requests refused for an underscore in a name.",
  ],
  rx_messaging_error: ["counter", "Malformed messages received."],
  rx_reset: ["counter", "Streams reset by the client."],
  stream_refused_errors: ["counter", "Streams that were refused."],
  trailers: ["counter", "Trailers received."],
  tx_flush_timeout: ["counter", "Streams whose client took none of the response's rest."],
  tx_reset: ["counter", "Streams reset by this proxy."],
  streams_active: ["gauge", "Streams open."],
});

const OF_FLOODS: ReadonlyMap<string, Http2Stat> = new Map([
  [FLOOD.emptyFrames, "inbound_empty_frames_flood"],
  [FLOOD.priority, "inbound_priority_frames_flood"],
  [FLOOD.windowUpdates, "inbound_window_update_frames_flood"],
  [FLOOD.controlFrames, "outbound_control_flood"],
]);

/** Envoy's statistics of the codec of all clients' HTTP/2 connections; shown from the first on. */
export class Http2Stats {
  readonly #table: Table;
  #cells: Float64Array | undefined;

  constructor(registry: Registry) {
    this.#table = registry.table({
      name: "http2",
      columns: HTTP2.columns,
      labelNames: [],
      rowsMax: 1,
      statName: (column) => `http2.${column.stat}`,
    });
  }

  count(stat: Http2Stat, amount = 1): void {
    this.#cells ??= this.#table.row([]).cells;
    add(this.#cells, HTTP2.at[stat], amount);
  }

  /** A session has ended for these details; counts where it was for a flood. */
  sessionFailed(details: string): void {
    const stat = OF_FLOODS.get(details);
    if (stat !== undefined) this.count(stat);
  }

  value(stat: Http2Stat): number {
    return this.#cells === undefined ? 0 : at(this.#cells, HTTP2.at[stat]);
  }
}
