import { add, at } from "../../../metrics/cells.ts";
import type { Registry } from "../../../metrics/registry.ts";
import type { Table } from "../../../metrics/table.ts";
import { type ColumnSet, envoyColumns } from "./columns.ts";

/** Envoy: configuration/listeners/network_filters/tcp_proxy_filter, statistics. */
export type TcpStat =
  | "downstream_cx_total"
  | "downstream_cx_no_route"
  | "downstream_cx_tx_bytes_total"
  | "downstream_cx_rx_bytes_total"
  | "downstream_flow_control_paused_reading_total"
  | "downstream_flow_control_resumed_reading_total"
  | "idle_timeout"
  | "max_downstream_connection_duration";

const TCP: ColumnSet<TcpStat> = envoyColumns("tcp", {
  downstream_cx_total: ["counter", "Connections handled."],
  downstream_cx_no_route: ["counter", "Connections without a cluster to go to."],
  downstream_cx_tx_bytes_total: ["counter", "Bytes sent to clients."],
  downstream_cx_rx_bytes_total: ["counter", "Bytes received from clients."],
  downstream_flow_control_paused_reading_total: ["counter", "Times that a client had to wait."],
  downstream_flow_control_resumed_reading_total: ["counter", "Times that a client could go on."],
  idle_timeout: ["counter", "Connections closed because nothing moved."],
  max_downstream_connection_duration: ["counter", "Connections closed as they had lasted long."],
});

const PREFIXES_MAX = 5000;

export function tcpTable(registry: Registry): Table {
  return registry.table({
    name: "tcp",
    columns: TCP.columns,
    labelNames: ["envoy_tcp_prefix"],
    rowsMax: PREFIXES_MAX,
    statName: (column, [prefix = ""]) => `tcp.${prefix}.${column.stat}`,
  });
}

/** Envoy's statistics of the TCP proxies that share one `stat_prefix`. */
export class TcpStats {
  readonly #cells: Float64Array;

  constructor(prefix: string, table: Table) {
    this.#cells = table.row([prefix]).cells;
  }

  count(stat: TcpStat, amount = 1): void {
    add(this.#cells, TCP.at[stat], amount);
  }

  value(stat: TcpStat): number {
    return at(this.#cells, TCP.at[stat]);
  }
}
