// hot path: no allocation per request
import { Registry } from "../../../metrics/registry.ts";
import type { ServiceLabels } from "../../../model/cluster.ts";
import type { WorkloadLabels } from "../../../model/endpoint.ts";
import { Series } from "./series.ts";
import { type StandardTables, standardTables } from "./tables.ts";
import { UNKNOWN_PEER } from "./workload.ts";

/** Which side of a request reports it: outbound listeners as source, inbound as destination. */
export type Direction = "inbound" | "outbound";

/** More peers than these make the cache start anew; the series themselves are kept. */
const PEERS_MAX = 2000;

/** Clusters that name themselves in `destination_service_name` (istio: istio_stats.cc). */
const SPECIAL_CLUSTERS = new Set([
  "BlackHoleCluster",
  "PassthroughCluster",
  "InboundPassthroughCluster",
  "InboundPassthroughClusterIpv4",
  "InboundPassthroughClusterIpv6",
]);

/** Where requests go, resolved when the configuration is compiled. */
export interface DestinationOptions {
  readonly direction: Direction;
  readonly clusterName: string;
  readonly service: ServiceLabels | undefined;
  /** Outbound: the endpoint's workload; undefined before one is picked or outside the mesh. */
  readonly workload: WorkloadLabels | undefined;
}

/**
 * One destination of requests in Istio's metrics. Outbound it is an endpoint and the source is this
 * proxy's own workload; inbound it is this workload and the source is whoever calls.
 */
export class Destination {
  readonly #tables: StandardTables;
  readonly #own: WorkloadLabels;
  readonly #direction: Direction;
  readonly #clusterName: string;
  readonly #service: ServiceLabels | undefined;
  readonly #workload: WorkloadLabels;
  readonly #byPeer = new Map<WorkloadLabels, Series>();
  #lastPeer: WorkloadLabels;
  #lastSeries: Series;

  constructor(tables: StandardTables, own: WorkloadLabels, options: DestinationOptions) {
    this.#tables = tables;
    this.#own = own;
    this.#direction = options.direction;
    this.#clusterName = options.clusterName;
    this.#service = options.service;
    this.#workload = options.workload ?? UNKNOWN_PEER;
    this.#lastPeer = UNKNOWN_PEER;
    this.#lastSeries = this.#make(UNKNOWN_PEER);
  }

  /** The series of requests from `peer`; outbound the peer is ignored, it is this proxy. */
  from(peer: WorkloadLabels): Series {
    if (peer === this.#lastPeer || this.#direction === "outbound") return this.#lastSeries;
    let series = this.#byPeer.get(peer);
    if (series === undefined) {
      if (this.#byPeer.size >= PEERS_MAX) this.#byPeer.clear();
      series = this.#make(peer);
      this.#byPeer.set(peer, series);
    }
    this.#lastPeer = peer;
    this.#lastSeries = series;
    return series;
  }

  #make(peer: WorkloadLabels): Series {
    const outbound = this.#direction === "outbound";
    const source = outbound ? this.#own : peer;
    const target = outbound ? this.#workload : this.#own;
    const labels = [outbound ? "source" : "destination"].concat(
      sourceLabels(source),
      destinationLabels(target),
      this.#serviceLabels(target),
    );
    const verified = peer.principal !== "" && this.#own.principal !== "";
    return new Series(this.#tables, ordered(labels), outbound ? "unknown" : securityOf(verified));
  }

  /** Service, its short name, its namespace. No request data: the Host header is not trusted. */
  #serviceLabels(target: WorkloadLabels): string[] {
    const service = this.#service;
    const fallback = this.#direction === "inbound" ? target.canonicalName : "";
    const special = SPECIAL_CLUSTERS.has(this.#clusterName) ? this.#clusterName : "";
    return [
      (service?.host ?? fallback) || "unknown",
      special || (service?.name ?? fallback) || "unknown",
      target.namespace || (service?.namespace ?? "") || "unknown",
    ];
  }
}

function securityOf(verified: boolean): string {
  return verified ? "mutual_tls" : "none";
}

function sourceLabels(source: WorkloadLabels): string[] {
  return [
    source.workload || "unknown",
    source.canonicalName || "unknown",
    source.canonicalRevision || "latest",
    source.namespace || "unknown",
    source.principal || "unknown",
    source.app || "unknown",
    source.version || "unknown",
    source.cluster || "unknown",
  ];
}

function destinationLabels(target: WorkloadLabels): string[] {
  return [
    target.workload || "unknown",
    target.namespace || "unknown",
    target.principal || "unknown",
    target.app || "unknown",
    target.version || "unknown",
    target.canonicalName || "unknown",
    target.canonicalRevision || "latest",
    target.cluster || "unknown",
  ];
}

/** From the groups above (1 + 8 + 8 + 3) to the order in which Istio writes its labels. */
function ordered(labels: readonly string[]): string[] {
  const order = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 17, 14, 15, 18, 19, 16];
  const result: string[] = [];
  for (const index of order) result.push(labels[index] ?? "");
  return result;
}

/** Counts where nobody looks, for requests outside any connection manager. */
export const NO_DESTINATION: Destination = new Destination(
  standardTables(new Registry(), ""),
  UNKNOWN_PEER,
  { direction: "outbound", clusterName: "", service: undefined, workload: undefined },
);
