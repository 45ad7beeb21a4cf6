import { counter, gauge, histogram } from "../../../metrics/column.ts";
import type { Registry } from "../../../metrics/registry.ts";
import type { Table } from "../../../metrics/table.ts";

/** More label sets than these are counted together as `overflow`. */
const SERIES_MAX = 4000;

/** A label set that 12 sweeps (an hour, at one every five minutes) found idle is forgotten. */
const IDLE_SWEEPS_MAX = 12;

const PEER_LABELS = [
  "reporter",
  "source_workload",
  "source_canonical_service",
  "source_canonical_revision",
  "source_workload_namespace",
  "source_principal",
  "source_app",
  "source_version",
  "source_cluster",
  "destination_workload",
  "destination_workload_namespace",
  "destination_principal",
  "destination_app",
  "destination_version",
  "destination_service",
  "destination_canonical_service",
  "destination_canonical_revision",
  "destination_service_name",
  "destination_service_namespace",
  "destination_cluster",
  "request_protocol",
];

export interface StandardTables {
  /** One row: requests, then duration, request and response bytes as histograms. */
  readonly http: Table;
  /** One row: connections opened, closed, bytes sent, bytes received. */
  readonly tcp: Table;
}

/** Istio's standard metrics, labels in the order in which its proxy writes them. */
export function standardTables(registry: Registry, version: string): StandardTables {
  const build = registry.table({
    name: "istio_build",
    columns: [gauge("istio_build", "Version of this proxy.", "", "max")],
    labelNames: ["component", "tag"],
    rowsMax: 1,
  });
  build.row(["proxy", version || "unknown"]).cells[0] = 1;
  return {
    http: registry.table({
      name: "istio_requests",
      columns: [
        counter("istio_requests_total", "Requests."),
        histogram("istio_request_duration_milliseconds", "Duration of requests."),
        histogram("istio_request_bytes", "Size of requests, heads included."),
        histogram("istio_response_bytes", "Size of responses, heads included."),
      ],
      labelNames: PEER_LABELS.concat(
        "response_code",
        "grpc_response_status",
        "response_flags",
        "connection_security_policy",
      ),
      rowsMax: SERIES_MAX,
      idleSweepsMax: IDLE_SWEEPS_MAX,
    }),
    tcp: registry.table({
      name: "istio_tcp",
      columns: [
        counter("istio_tcp_connections_opened_total", "TCP connections opened."),
        counter("istio_tcp_connections_closed_total", "TCP connections closed."),
        counter("istio_tcp_sent_bytes_total", "Bytes sent to clients over TCP connections."),
        counter("istio_tcp_received_bytes_total", "Bytes received over TCP connections."),
      ],
      labelNames: PEER_LABELS.concat("response_flags", "connection_security_policy"),
      rowsMax: SERIES_MAX,
      idleSweepsMax: IDLE_SWEEPS_MAX,
    }),
  };
}
