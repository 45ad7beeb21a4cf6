import type { Registry } from "../../../metrics/registry.ts";
import type { Table } from "../../../metrics/table.ts";
import { type ColumnSet, envoyColumn, envoyColumns } from "./columns.ts";

/** Envoy: configuration/listeners/stats. */
export type ListenerStat =
  | "downstream_cx_total"
  | "downstream_cx_destroy"
  | "downstream_cx_overflow"
  | "downstream_cx_overload_reject"
  | "downstream_global_cx_overflow"
  | "downstream_listener_filter_error"
  | "downstream_listener_filter_remote_close"
  | "downstream_pre_cx_timeout"
  | "no_filter_chain_match"
  | "downstream_cx_active"
  | "downstream_pre_cx_active"
  | "downstream_cx_length_ms";

export const LISTENER: ColumnSet<ListenerStat> = envoyColumns("listener", {
  downstream_cx_total: ["counter", "Connections accepted."],
  downstream_cx_destroy: ["counter", "Connections closed."],
  downstream_cx_overflow: ["counter", "Connections refused by the listener's limit."],
  downstream_cx_overload_reject: ["counter", "Connections refused because of overload."],
  downstream_global_cx_overflow: ["counter", "Connections refused by the proxy's limit."],
  downstream_listener_filter_error: ["counter", "Errors in listener filters."],
  downstream_listener_filter_remote_close: ["counter", "Connections closed while sniffed."],
  downstream_pre_cx_timeout: ["counter", "Connections that sent nothing to sniff in time."],
  no_filter_chain_match: ["counter", "Connections that no filter chain matched."],
  downstream_cx_active: ["gauge", "Connections open."],
  downstream_pre_cx_active: ["gauge", "Connections being sniffed."],
  downstream_cx_length_ms: ["histogram", "Milliseconds that a connection lived."],
});

const LISTENERS_MAX = 5000;
const LABEL = "envoy_listener_address";
const PREFIX_LABEL = "envoy_http_conn_manager_prefix";

export interface ListenerTables {
  readonly listener: Table;
  /** `listener.ADDRESS.http.PREFIX.*`. */
  readonly http: Table;
  readonly httpClasses: Table;
}

export function listenerTables(registry: Registry): ListenerTables {
  const completed = "downstream_rq_completed";
  return {
    listener: registry.table({
      name: "listener",
      columns: LISTENER.columns,
      labelNames: [LABEL],
      rowsMax: LISTENERS_MAX,
      statName: (column, [address = ""]) => `listener.${address}.${column.stat}`,
    }),
    http: registry.table({
      name: "listener_http",
      columns: [envoyColumn("counter", "listener_http", completed, "Responses.")],
      labelNames: [PREFIX_LABEL, LABEL],
      rowsMax: LISTENERS_MAX,
      statName: (column, [prefix = "", address = ""]) =>
        `listener.${address}.http.${prefix}.${column.stat}`,
    }),
    httpClasses: registry.table({
      name: "listener_http_downstream_rq_xx",
      columns: [envoyColumn("counter", "listener_http", "downstream_rq_xx", "Responses by class.")],
      labelNames: ["envoy_response_code_class", PREFIX_LABEL, LABEL],
      rowsMax: LISTENERS_MAX * 5,
      statName: (_, [kind = "", prefix = "", address = ""]) =>
        `listener.${address}.http.${prefix}.downstream_rq_${kind}xx`,
    }),
  };
}
