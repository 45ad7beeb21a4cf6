// hot path: no allocation per request
/**
 * The contract between the request path and the numbers: what an exchange tells, and when.
 *
 *   listener accepts      ListenerStats.connectionOpened / connectionClosed
 *   HTTP connection       HttpStats.connectionOpened / connectionClosed / received / sent
 *   its codec             HttpStats.codecChosen / codecClosed
 *   request head decoded  RequestAccount.begin(http, nowMs, version)
 *   peer headers read     account.peer = peers.read(metadata)
 *   routed                account.routed(cluster, destination)   or http.stats.count("no_route")
 *   attempt               ClusterStats.requestPending … requestSent … requestEnded
 *   picked                account.picked(destination of the endpoint)
 *   head goes downstream  account.responded(code)
 *   released              account.end(nowMs, exchange)
 *
 * `ClusterStats`, `HttpStats` and `ListenerStats` are in `envoy/`; `Telemetry` hands them out.
 */
import { grpcStatusOfHttp } from "../../codec/grpc/status.ts";
import type { HttpVersion } from "../../codec/http/message.ts";
import type { WorkloadLabels } from "../../model/endpoint.ts";
import type { FormatSource } from "../format/source.ts";
import type { AccessLogger } from "./access-log/logger.ts";
import { type ClusterStats, NO_CLUSTER_STATS } from "./envoy/cluster-stats.ts";
import type { HttpStats } from "./envoy/http-stats.ts";
import type { ListenerHttpStats } from "./envoy/listener-stats.ts";
import { type Destination, NO_DESTINATION } from "./standard/destination.ts";
import { UNKNOWN_PEER } from "./standard/workload.ts";

/** What one HTTP connection manager counts into; resolved once, when it is compiled. */
export interface HttpAccount {
  readonly http: HttpStats;
  readonly listener: ListenerHttpStats;
  /** False where the connection manager has no telemetry filter: no Istio metrics. */
  readonly standardMetrics: boolean;
  /** Istio's destination of requests that reach no cluster. */
  readonly unrouted: Destination;
  readonly logs: readonly AccessLogger[];
}

/**
 * The account of one request. Pooled with its exchange: `begin` makes it new, `end` closes it, and
 * nobody keeps it past that. Fields are set by whoever knows them, at any time before `end`.
 */
export class RequestAccount {
  #door: HttpAccount | undefined;
  startedAtMs = 0;
  endedAtMs = 0;
  /** Final status sent downstream; 0: none was. */
  code = 0;
  /** `FLAG_…` bits of response-flags.ts, added up with `|=`. */
  flags = 0;
  /** Envoy's response code details, as `via_upstream`. */
  details = "";
  /** Bytes of heads and bodies on the downstream wire (Istio's `*_bytes` metrics). */
  wireBytesReceived = 0;
  wireBytesSent = 0;
  /** Bytes of bodies alone (access log). */
  bodyBytesReceived = 0;
  bodyBytesSent = 0;
  /**
   * True for `content-type: application/grpc`; then the status 0..16, -1 while unknown. In the end
   * that of the HTTP status where none was said, as in Envoy.
   */
  grpc = false;
  grpcStatus = -1;
  /** When the request's last byte and the response's first and last byte passed; 0: not yet. */
  requestCompleteAtMs = 0;
  upstreamFirstByteAtMs = 0;
  /** Envoy's notion of an internal request. */
  internal = false;
  attempts = 0;
  /** The client has not read as fast as the answer came: its time is not the upstream's. */
  heldUp = false;
  cluster: ClusterStats = NO_CLUSTER_STATS;
  /** Who the metrics say it went to: by the cluster at first, by the endpoint once picked. */
  destination: Destination = NO_DESTINATION;
  /** Inbound: who the client says it is. */
  peer: WorkloadLabels = UNKNOWN_PEER;

  /** A request head has been decoded. */
  begin(door: HttpAccount, nowMs: number, version: HttpVersion = 11): void {
    this.#door = door;
    this.startedAtMs = nowMs;
    this.endedAtMs = 0;
    this.code = 0;
    this.flags = 0;
    this.details = "";
    this.wireBytesReceived = 0;
    this.wireBytesSent = 0;
    this.bodyBytesReceived = 0;
    this.bodyBytesSent = 0;
    this.grpc = false;
    this.grpcStatus = -1;
    this.requestCompleteAtMs = 0;
    this.upstreamFirstByteAtMs = 0;
    this.internal = false;
    this.attempts = 0;
    this.heldUp = false;
    this.cluster = NO_CLUSTER_STATS;
    this.destination = door.unrouted;
    this.peer = UNKNOWN_PEER;
    door.http.requestStarted(version);
  }

  /** The route leads to this cluster. `destination`: the cluster's, no endpoint picked yet. */
  routed(cluster: ClusterStats, destination: Destination): void {
    this.cluster = cluster;
    this.destination = destination;
  }

  /** The balancer chose an endpoint, for this attempt. */
  picked(destination: Destination): void {
    this.destination = destination;
    this.attempts++;
  }

  /**
   * The head of the final response goes downstream, wherever it comes from. Counts the code for the
   * connection manager, the listener and, once routed, the cluster (0 for it: nothing).
   */
  responded(code: number, clusterCode: number = code): void {
    this.code = code;
    const door = this.#door;
    if (door === undefined) return;
    door.http.responded(code);
    door.listener.responded(code);
    if (this.cluster === NO_CLUSTER_STATS || clusterCode === 0) return;
    this.cluster.responded(clusterCode, this.internal);
  }

  /** The upstream's answer is complete: `upstream_rq_time`. Not for local replies. */
  upstreamCompleted(nowMs: number): void {
    if (this.requestCompleteAtMs === 0) return;
    this.cluster.responseTime(nowMs - this.requestCompleteAtMs, this.internal);
  }

  /** Everything has been said: durations, Istio's metrics, access logs (`source` feeds those). */
  end(nowMs: number, source: FormatSource): void {
    const door = this.#door;
    if (door === undefined) return;
    this.#door = undefined;
    this.endedAtMs = nowMs;
    if (this.grpc && this.grpcStatus < 0 && this.code > 0) {
      this.grpcStatus = grpcStatusOfHttp(this.code);
    }
    const durationMs = nowMs - this.startedAtMs;
    door.http.requestEnded(durationMs);
    if (door.standardMetrics) {
      const { destination } = this;
      const tls = destination.reportsSource ? source.upstreamTls() : source.downstreamTls();
      const series = destination.from(this.peer, tls);
      const row = series.row(this.code, this.flags, this.grpc, this.grpcStatus);
      series.record(row, durationMs, this.wireBytesReceived, this.wireBytesSent);
    }
    for (let i = 0; i < door.logs.length; i++) door.logs[i]?.log(source);
  }
}
