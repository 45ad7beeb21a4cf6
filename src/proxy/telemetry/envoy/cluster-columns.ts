import { type ColumnSet, envoyColumns } from "./columns.ts";

/** Envoy: configuration/upstream/cluster_manager/cluster_stats. */
export type ClusterStat =
  | "upstream_cx_total"
  | "upstream_cx_http1_total"
  | "upstream_cx_http2_total"
  | "upstream_cx_connect_fail"
  | "upstream_cx_connect_timeout"
  | "upstream_cx_connect_attempts_exceeded"
  | "upstream_cx_overflow"
  | "upstream_cx_none_healthy"
  | "upstream_cx_destroy"
  | "upstream_cx_destroy_local"
  | "upstream_cx_destroy_remote"
  | "upstream_cx_destroy_with_active_rq"
  | "upstream_cx_destroy_local_with_active_rq"
  | "upstream_cx_destroy_remote_with_active_rq"
  | "upstream_cx_close_notify"
  | "upstream_cx_max_requests"
  | "upstream_cx_max_duration_reached"
  | "upstream_cx_idle_timeout"
  | "upstream_cx_protocol_error"
  | "upstream_cx_rx_bytes_total"
  | "upstream_cx_tx_bytes_total"
  | "upstream_flow_control_backed_up_total"
  | "upstream_flow_control_drained_total"
  | "upstream_flow_control_paused_reading_total"
  | "upstream_flow_control_resumed_reading_total"
  | "upstream_rq_total"
  | "upstream_rq_completed"
  | "upstream_rq_pending_total"
  | "upstream_rq_pending_overflow"
  | "upstream_rq_pending_failure_eject"
  | "upstream_rq_active_overflow"
  | "upstream_rq_cancelled"
  | "upstream_rq_timeout"
  | "upstream_rq_per_try_timeout"
  | "upstream_rq_per_try_idle_timeout"
  | "upstream_rq_max_duration_reached"
  | "upstream_rq_rx_reset"
  | "upstream_rq_tx_reset"
  | "upstream_rq_retry"
  | "upstream_rq_retry_backoff_exponential"
  | "upstream_rq_retry_backoff_ratelimited"
  | "upstream_rq_retry_limit_exceeded"
  | "upstream_rq_retry_overflow"
  | "upstream_rq_retry_success"
  | "retry_or_shadow_abandoned"
  | "lb_healthy_panic"
  | "membership_change"
  | "update_attempt"
  | "update_success"
  | "update_failure"
  | "update_empty"
  | "update_no_rebuild"
  | "bind_errors"
  | "upstream_cx_active"
  | "upstream_rq_active"
  | "upstream_rq_pending_active"
  | "membership_total"
  | "membership_healthy"
  | "membership_degraded"
  | "membership_excluded"
  | "circuit_breakers.default.cx_open"
  | "circuit_breakers.default.rq_pending_open"
  | "circuit_breakers.default.rq_open"
  | "circuit_breakers.default.rq_retry_open"
  | "upstream_cx_connect_ms"
  | "upstream_cx_length_ms"
  | "upstream_rq_per_cx"
  | "upstream_rq_time";

export const CLUSTER: ColumnSet<ClusterStat> = envoyColumns("cluster", {
  upstream_cx_total: ["counter", "Connections started to upstream hosts."],
  upstream_cx_http1_total: ["counter", "HTTP/1.1 connections started."],
  upstream_cx_http2_total: ["counter", "HTTP/2 connections started."],
  upstream_cx_connect_fail: ["counter", "Connections that failed before they were established."],
  upstream_cx_connect_timeout: ["counter", "Connections not established in connect_timeout."],
  upstream_cx_connect_attempts_exceeded: ["counter", "Connections given up after all attempts."],
  upstream_cx_overflow: ["counter", "Times that max_connections kept a connection from opening."],
  upstream_cx_none_healthy: ["counter", "Requests that found no host to go to."],
  upstream_cx_destroy: ["counter", "Connections closed."],
  upstream_cx_destroy_local: ["counter", "Connections closed by this proxy."],
  upstream_cx_destroy_remote: ["counter", "Connections closed by the upstream host."],
  upstream_cx_destroy_with_active_rq: ["counter", "Connections closed during a request."],
  upstream_cx_destroy_local_with_active_rq: [
    "counter",
    "Connections closed by this proxy during a request.",
  ],
  upstream_cx_destroy_remote_with_active_rq: [
    "counter",
    "Connections closed by the upstream host during a request.",
  ],
  upstream_cx_close_notify: ["counter", "Connections that a Connection: close header ended."],
  upstream_cx_max_requests: ["counter", "Connections closed at max_requests_per_connection."],
  upstream_cx_max_duration_reached: ["counter", "Connections closed at max_connection_duration."],
  upstream_cx_idle_timeout: ["counter", "Connections closed at the idle timeout."],
  upstream_cx_protocol_error: ["counter", "Connections closed because of a protocol error."],
  upstream_cx_rx_bytes_total: ["counter", "Bytes read from upstream connections."],
  upstream_cx_tx_bytes_total: ["counter", "Bytes written to upstream connections."],
  upstream_flow_control_backed_up_total: ["counter", "Times that writing upstream backed up."],
  upstream_flow_control_drained_total: ["counter", "Times that a backed up upstream drained."],
  upstream_flow_control_paused_reading_total: ["counter", "Times that reading was paused."],
  upstream_flow_control_resumed_reading_total: ["counter", "Times that reading went on."],
  upstream_rq_total: ["counter", "Requests sent, retries included."],
  upstream_rq_completed: ["counter", "Requests that got a response, local replies included."],
  upstream_rq_pending_total: ["counter", "Requests that waited for a connection."],
  upstream_rq_pending_overflow: ["counter", "Requests refused by a limit."],
  upstream_rq_pending_failure_eject: ["counter", "Requests failed as their connection failed."],
  upstream_rq_active_overflow: ["counter", "Requests refused because of max_requests."],
  upstream_rq_cancelled: ["counter", "Requests cancelled while they waited for a connection."],
  upstream_rq_timeout: ["counter", "Requests that the route's timeout ended."],
  upstream_rq_per_try_timeout: ["counter", "Attempts that the per-try timeout ended."],
  upstream_rq_per_try_idle_timeout: ["counter", "Attempts that the per-try idle timeout ended."],
  upstream_rq_max_duration_reached: ["counter", "Attempts ended at their maximum duration."],
  upstream_rq_rx_reset: ["counter", "Requests reset by the upstream host."],
  upstream_rq_tx_reset: ["counter", "Requests reset by this proxy."],
  upstream_rq_retry: ["counter", "Retries."],
  upstream_rq_retry_backoff_exponential: ["counter", "Retries after an exponential backoff."],
  upstream_rq_retry_backoff_ratelimited: ["counter", "Retries when the answer said to come again."],
  upstream_rq_retry_limit_exceeded: ["counter", "Requests that used up their retries."],
  upstream_rq_retry_overflow: ["counter", "Retries refused by max_retries or the budget."],
  upstream_rq_retry_success: ["counter", "Retries that succeeded."],
  retry_or_shadow_abandoned: ["counter", "Retries or shadows given up: the body was too large."],
  lb_healthy_panic: ["counter", "Requests balanced over all hosts, too few being healthy."],
  membership_change: ["counter", "Changes of the set of hosts.", "max"],
  update_attempt: ["counter", "Attempts to update the set of hosts.", "max"],
  update_success: ["counter", "Successful updates of the set of hosts.", "max"],
  update_failure: ["counter", "Failed updates of the set of hosts.", "max"],
  update_empty: ["counter", "Updates that brought no hosts.", "max"],
  update_no_rebuild: ["counter", "Updates that changed nothing.", "max"],
  bind_errors: ["counter", "Errors when binding a connection to its source address."],
  upstream_cx_active: ["gauge", "Connections that are open or opening."],
  upstream_rq_active: ["gauge", "Requests in flight."],
  upstream_rq_pending_active: ["gauge", "Requests that wait for a connection."],
  membership_total: ["gauge", "Hosts.", "max"],
  membership_healthy: ["gauge", "Healthy hosts.", "max"],
  membership_degraded: ["gauge", "Degraded hosts.", "max"],
  membership_excluded: ["gauge", "Excluded hosts.", "max"],
  "circuit_breakers.default.cx_open": ["gauge", "1 while max_connections is reached."],
  "circuit_breakers.default.rq_pending_open": ["gauge", "1 while max_pending_requests is reached."],
  "circuit_breakers.default.rq_open": ["gauge", "1 while max_requests is reached."],
  "circuit_breakers.default.rq_retry_open": ["gauge", "1 while no retry is allowed."],
  upstream_cx_connect_ms: ["histogram", "Milliseconds until a connection was established."],
  upstream_cx_length_ms: ["histogram", "Milliseconds that a connection lived."],
  upstream_rq_per_cx: ["histogram", "Requests per connection."],
  upstream_rq_time: [
    "histogram",
    "Milliseconds from the end of the request to the end of the response.",
  ],
});

export type ClusterHttp2Stat = "http2.keepalive_timeout" | "http2.outbound_flood";

/** Only for clusters that have spoken HTTP/2. */
export const CLUSTER_HTTP2: ColumnSet<ClusterHttp2Stat> = envoyColumns("cluster", {
  "http2.keepalive_timeout": ["counter", "HTTP/2 connections closed as a PING was not answered."],
  "http2.outbound_flood": ["counter", "HTTP/2 connections closed as too much waited for the peer."],
});

export type RemainingStat =
  | "circuit_breakers.default.remaining_cx"
  | "circuit_breakers.default.remaining_pending"
  | "circuit_breakers.default.remaining_rq"
  | "circuit_breakers.default.remaining_retries";

/** Only for clusters with `track_remaining`. */
export const REMAINING: ColumnSet<RemainingStat> = envoyColumns("cluster", {
  "circuit_breakers.default.remaining_cx": ["gauge", "Connections until max_connections."],
  "circuit_breakers.default.remaining_pending": [
    "gauge",
    "Waiting requests until max_pending_requests.",
  ],
  "circuit_breakers.default.remaining_rq": ["gauge", "Requests until max_requests."],
  "circuit_breakers.default.remaining_retries": ["gauge", "Retries until max_retries."],
});
