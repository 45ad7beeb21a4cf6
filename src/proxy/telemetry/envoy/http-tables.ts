import type { Registry } from "../../../metrics/registry.ts";
import type { Table } from "../../../metrics/table.ts";
import { type ColumnSet, envoyColumn, envoyColumns, statSegment } from "./columns.ts";

/** Envoy: configuration/http/http_conn_man/stats, and the router's under the same prefix. */
export type HttpStat =
  | "downstream_cx_total"
  | "downstream_cx_http1_total"
  | "downstream_cx_http2_total"
  | "downstream_cx_ssl_total"
  | "downstream_cx_destroy"
  | "downstream_cx_destroy_local"
  | "downstream_cx_destroy_remote"
  | "downstream_cx_destroy_active_rq"
  | "downstream_cx_destroy_local_active_rq"
  | "downstream_cx_destroy_remote_active_rq"
  | "downstream_cx_drain_close"
  | "downstream_cx_idle_timeout"
  | "downstream_cx_max_duration_reached"
  | "downstream_cx_overload_disable_keepalive"
  | "downstream_cx_max_requests_reached"
  | "downstream_cx_protocol_error"
  | "downstream_cx_upgrades_total"
  | "downstream_cx_rx_bytes_total"
  | "downstream_cx_tx_bytes_total"
  | "downstream_flow_control_paused_reading_total"
  | "downstream_flow_control_resumed_reading_total"
  | "downstream_rq_total"
  | "downstream_rq_http1_total"
  | "downstream_rq_http2_total"
  | "downstream_rq_completed"
  | "downstream_rq_failed_path_normalization"
  | "downstream_rq_redirected_with_normalized_path"
  | "downstream_rq_header_timeout"
  | "downstream_rq_idle_timeout"
  | "downstream_rq_max_duration_reached"
  | "downstream_rq_non_relative_path"
  | "downstream_rq_overload_close"
  | "downstream_rq_response_before_rq_complete"
  | "downstream_rq_rx_reset"
  | "downstream_rq_timeout"
  | "downstream_rq_too_large"
  | "downstream_rq_too_many_premature_resets"
  | "downstream_rq_tx_reset"
  | "downstream_rq_ws_on_non_ws_route"
  | "rs_too_large"
  | "no_route"
  | "no_cluster"
  | "rq_total"
  | "rq_direct_response"
  | "rq_redirect"
  | "rq_reset_after_downstream_response_started"
  | "downstream_cx_active"
  | "downstream_cx_http1_active"
  | "downstream_cx_http2_active"
  | "downstream_cx_ssl_active"
  | "downstream_cx_upgrades_active"
  | "downstream_rq_active"
  | "downstream_cx_length_ms"
  | "downstream_rq_time";

export const HTTP: ColumnSet<HttpStat> = envoyColumns("http", {
  downstream_cx_total: ["counter", "Connections accepted."],
  downstream_cx_http1_total: ["counter", "HTTP/1.1 connections accepted."],
  downstream_cx_http2_total: ["counter", "HTTP/2 connections accepted."],
  downstream_cx_ssl_total: ["counter", "TLS connections accepted."],
  downstream_cx_destroy: ["counter", "Connections closed."],
  downstream_cx_destroy_local: ["counter", "Connections closed by this proxy."],
  downstream_cx_destroy_remote: ["counter", "Connections closed by the client."],
  downstream_cx_destroy_active_rq: ["counter", "Connections closed during a request."],
  downstream_cx_destroy_local_active_rq: [
    "counter",
    "Connections closed by this proxy during a request.",
  ],
  downstream_cx_destroy_remote_active_rq: [
    "counter",
    "Connections closed by the client during a request.",
  ],
  downstream_cx_drain_close: ["counter", "Connections closed because of draining."],
  downstream_cx_idle_timeout: ["counter", "Connections closed at the idle timeout."],
  downstream_cx_max_duration_reached: ["counter", "Connections closed at their maximum age."],
  downstream_cx_overload_disable_keepalive: ["counter", "Connections closed because of overload."],
  downstream_cx_max_requests_reached: ["counter", "Connections closed at max_requests."],
  downstream_cx_protocol_error: ["counter", "Connections with a protocol error."],
  downstream_cx_upgrades_total: ["counter", "Connections upgraded."],
  downstream_cx_rx_bytes_total: ["counter", "Bytes read from clients."],
  downstream_cx_tx_bytes_total: ["counter", "Bytes written to clients."],
  downstream_flow_control_paused_reading_total: ["counter", "Times that reading was paused."],
  downstream_flow_control_resumed_reading_total: ["counter", "Times that reading went on."],
  downstream_rq_total: ["counter", "Requests."],
  downstream_rq_http1_total: ["counter", "HTTP/1.1 requests."],
  downstream_rq_http2_total: ["counter", "HTTP/2 requests."],
  downstream_rq_completed: ["counter", "Requests that got a response."],
  downstream_rq_failed_path_normalization: ["counter", "Requests with a refused path."],
  downstream_rq_redirected_with_normalized_path: [
    "counter",
    "Requests redirected to their path in normal form.",
  ],
  downstream_rq_header_timeout: ["counter", "Requests whose head came too late."],
  downstream_rq_idle_timeout: ["counter", "Requests ended by the stream's idle timeout."],
  downstream_rq_max_duration_reached: ["counter", "Requests ended at their maximum duration."],
  downstream_rq_non_relative_path: ["counter", "Requests without a path."],
  downstream_rq_overload_close: ["counter", "Requests refused because of overload."],
  downstream_rq_response_before_rq_complete: [
    "counter",
    "Responses that were sent before the request had ended.",
  ],
  downstream_rq_rx_reset: ["counter", "Requests reset by the client."],
  downstream_rq_timeout: ["counter", "Requests that took too long to arrive."],
  downstream_rq_too_large: ["counter", "Requests answered with 413."],
  downstream_rq_too_many_premature_resets: [
    "counter",
    "Connections closed as too many requests were reset at once.",
  ],
  downstream_rq_tx_reset: ["counter", "Requests reset by this proxy."],
  downstream_rq_ws_on_non_ws_route: ["counter", "Upgrades refused by their route."],
  rs_too_large: ["counter", "Responses too large to buffer."],
  no_route: ["counter", "Requests that no route matched."],
  no_cluster: ["counter", "Requests whose cluster does not exist."],
  rq_total: ["counter", "Requests that reached the router."],
  rq_direct_response: ["counter", "Requests answered by a direct response or a redirect."],
  rq_redirect: ["counter", "Requests redirected."],
  rq_reset_after_downstream_response_started: ["counter", "Responses cut off by a reset."],
  downstream_cx_active: ["gauge", "Connections open."],
  downstream_cx_http1_active: ["gauge", "HTTP/1.1 connections open."],
  downstream_cx_http2_active: ["gauge", "HTTP/2 connections open."],
  downstream_cx_ssl_active: ["gauge", "TLS connections open."],
  downstream_cx_upgrades_active: ["gauge", "Upgraded connections open."],
  downstream_rq_active: ["gauge", "Requests in flight."],
  downstream_cx_length_ms: ["histogram", "Milliseconds that a connection lived."],
  downstream_rq_time: ["histogram", "Milliseconds from a request's start to its end."],
});

const PREFIXES_MAX = 2000;
const LABEL = "envoy_http_conn_manager_prefix";

export interface HttpTables {
  readonly http: Table;
  readonly classes: Table;
}

export function httpTables(registry: Registry): HttpTables {
  return {
    http: registry.table({
      name: "http",
      columns: HTTP.columns,
      labelNames: [LABEL],
      rowsMax: PREFIXES_MAX,
      statName: (column, [prefix = ""]) => `http.${statSegment(prefix)}.${column.stat}`,
    }),
    classes: registry.table({
      name: "http_downstream_rq_xx",
      columns: [envoyColumn("counter", "http", "downstream_rq_xx", "Responses by class.")],
      labelNames: ["envoy_response_code_class", LABEL],
      rowsMax: PREFIXES_MAX * 5,
      statName: (_, [kind = "", prefix = ""]) =>
        `http.${statSegment(prefix)}.downstream_rq_${kind}xx`,
    }),
  };
}
