// hot path: no allocation per request
import { Registry } from "../../../metrics/registry.ts";
import type { ServiceLabels } from "../../../model/cluster.ts";
import type { WorkloadLabels } from "../../../model/endpoint.ts";
import type { TlsInfo } from "../../tls/tls-info.ts";
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
  /** Of those that showed a certificate, by its principal. */
  readonly #known = new Map<WorkloadLabels, Map<string, Series>>();
  #knownCount = 0;
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

  /** Which connection's TLS says who it was: the one to the endpoint, or the client's. */
  get reportsSource(): boolean {
    return this.#direction === "outbound";
  }

  /**
   * The series of requests from `peer`; outbound the peer is ignored, it is this proxy.
   *
   * @param tls Of the connection to the peer; principals are what certificates say, nothing else.
   */
  from(peer: WorkloadLabels, tls: TlsInfo | undefined): Series {
    if (tls?.peer !== undefined) return this.#fromKnown(peer, tls, tls.peer.identity ?? "");
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

  #fromKnown(peer: WorkloadLabels, tls: TlsInfo, principal: string): Series {
    const key = this.reportsSource ? UNKNOWN_PEER : peer;
    let series = this.#known.get(key)?.get(principal);
    if (series === undefined) {
      const own = tls.own?.identity ?? "";
      series = this.reportsSource
        ? this.#make(key, own, principal)
        : this.#make(key, principal, own);
      this.#keep(key, principal, series);
    }
    return series;
  }

  #keep(peer: WorkloadLabels, principal: string, series: Series): void {
    if (this.#knownCount >= PEERS_MAX) {
      this.#known.clear();
      this.#knownCount = 0;
    }
    this.#knownCount++;
    const known = this.#known.get(peer);
    if (known !== undefined) known.set(principal, series);
    else this.#known.set(peer, new Map([[principal, series]]));
  }

  /** Without principals there was no mutual TLS. */
  #make(peer: WorkloadLabels, from?: string, to?: string): Series {
    const outbound = this.#direction === "outbound";
    const source = outbound ? this.#own : peer;
    const target = outbound ? this.#workload : this.#own;
    const labels = [outbound ? "source" : "destination"].concat(
      sourceLabels(source, from ?? ""),
      destinationLabels(target, to ?? ""),
      this.#serviceLabels(target),
    );
    const security = from === undefined ? "none" : "mutual_tls";
    return new Series(this.#tables, ordered(labels), outbound ? "unknown" : security);
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

function sourceLabels(source: WorkloadLabels, principal: string): string[] {
  return [
    source.workload || "unknown",
    source.canonicalName || "unknown",
    source.canonicalRevision || "latest",
    source.namespace || "unknown",
    principal || "unknown",
    source.app || "unknown",
    source.version || "unknown",
    source.cluster || "unknown",
  ];
}

function destinationLabels(target: WorkloadLabels, principal: string): string[] {
  return [
    target.workload || "unknown",
    target.namespace || "unknown",
    principal || "unknown",
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
