// hot path: no allocation per request
import { add, at, observe } from "../../../metrics/cells.ts";
import { ENVOY_BOUNDS } from "../../../metrics/column.ts";
import { Registry } from "../../../metrics/registry.ts";
import type { Row } from "../../../metrics/row.ts";
import type { Table } from "../../../metrics/table.ts";
import { HashingStats } from "./balance/hashing-stats.ts";
import { OutlierStats } from "./balance/outlier-stats.ts";
import {
  CLUSTER,
  CLUSTER_HTTP2,
  type ClusterHttp2Stat,
  type ClusterStat,
  REMAINING,
} from "./cluster-columns.ts";
import { type ClusterTables, clusterTables, type OriginTables } from "./cluster-tables.ts";
import { HealthCheckStats } from "./health-check-stats.ts";
import { ResponseCodes } from "./response-codes.ts";

const {
  upstream_cx_total: CX_TOTAL,
  upstream_cx_http1_total: CX_HTTP1,
  upstream_cx_http2_total: CX_HTTP2,
  upstream_cx_active: CX_ACTIVE,
  upstream_cx_connect_ms: CX_CONNECT_MS,
  upstream_cx_connect_fail: CX_CONNECT_FAIL,
  upstream_cx_connect_timeout: CX_CONNECT_TIMEOUT,
  upstream_cx_destroy: CX_DESTROY,
  upstream_cx_destroy_local: CX_DESTROY_LOCAL,
  upstream_cx_destroy_remote: CX_DESTROY_REMOTE,
  upstream_cx_destroy_with_active_rq: CX_DESTROY_RQ,
  upstream_cx_destroy_local_with_active_rq: CX_DESTROY_LOCAL_RQ,
  upstream_cx_destroy_remote_with_active_rq: CX_DESTROY_REMOTE_RQ,
  upstream_cx_length_ms: CX_LENGTH_MS,
  upstream_rq_per_cx: RQ_PER_CX,
  upstream_cx_rx_bytes_total: CX_RX_BYTES,
  upstream_cx_tx_bytes_total: CX_TX_BYTES,
  upstream_rq_total: RQ_TOTAL,
  upstream_rq_active: RQ_ACTIVE,
  upstream_rq_completed: RQ_COMPLETED,
  upstream_rq_pending_total: RQ_PENDING_TOTAL,
  upstream_rq_pending_active: RQ_PENDING_ACTIVE,
  upstream_rq_time: RQ_TIME,
  membership_change: MEMBERSHIP_CHANGE,
  membership_total: MEMBERSHIP_TOTAL,
  membership_healthy: MEMBERSHIP_HEALTHY,
  membership_degraded: MEMBERSHIP_DEGRADED,
  membership_excluded: MEMBERSHIP_EXCLUDED,
} = CLUSTER.at;

/** What a cluster's limits still allow; read at every scrape. Counts, never below 0. */
export interface LimitsView {
  readonly remainingConnections: number;
  readonly remainingPending: number;
  readonly remainingRequests: number;
  readonly remainingRetries: number;
}

/**
 * Envoy's statistics of one cluster. The events are methods; what is counted one at a time goes
 * through `count`. Which event counts what was read off a real Envoy 1.40.
 */
export class ClusterStats {
  readonly name: string;
  readonly cells: Float64Array;
  readonly #row: Row;
  readonly #tables: ClusterTables;
  readonly #codes: ResponseCodes;
  readonly #retried: ResponseCodes;
  readonly #internal: OriginStats;
  readonly #external: OriginStats;
  #limits: LimitsView | undefined;
  #remaining: Row | undefined;
  #retriedCells: Float64Array | undefined;
  #http2Cells: Float64Array | undefined;
  #healthCheck: HealthCheckStats | undefined;
  #hashing: HashingStats | undefined;
  #outliers: OutlierStats | undefined;

  constructor(name: string, tables: ClusterTables) {
    this.name = name;
    this.#tables = tables;
    this.#row = tables.cluster.row([name]);
    this.cells = this.#row.cells;
    this.#codes = new ResponseCodes(tables.codes, tables.classes, [name]);
    this.#retried = new ResponseCodes(tables.retry.codes, tables.retry.classes, [name]);
    this.#internal = new OriginStats(tables.internal, name);
    this.#external = new OriginStats(tables.external, name);
  }

  /** Adds to a statistic that has no method of its own. */
  count(stat: ClusterStat, amount = 1): void {
    add(this.cells, CLUSTER.at[stat], amount);
  }

  /** A connection of the cluster speaks HTTP/2: from now on its codec's statistics show. */
  showHttp2(): void {
    this.#http2Cells ??= this.#tables.http2.row([this.name]).cells;
  }

  countHttp2(stat: ClusterHttp2Stat): void {
    this.showHttp2();
    if (this.#http2Cells !== undefined) add(this.#http2Cells, CLUSTER_HTTP2.at[stat], 1);
  }

  value(stat: ClusterStat): number {
    return at(this.cells, CLUSTER.at[stat]);
  }

  /** A connection is being opened. Each call is answered by one `connectionClosed`. */
  connectionOpening(protocol: "http1" | "http2"): void {
    add(this.cells, CX_TOTAL, 1);
    add(this.cells, protocol === "http1" ? CX_HTTP1 : CX_HTTP2, 1);
    add(this.cells, CX_ACTIVE, 1);
  }

  /** As `connectionOpening`, for a raw TCP connection. */
  tcpConnectionOpening(): void {
    add(this.cells, CX_TOTAL, 1);
    add(this.cells, CX_ACTIVE, 1);
  }

  connectionEstablished(connectMs: number): void {
    observe(this.cells, CX_CONNECT_MS, ENVOY_BOUNDS, connectMs);
  }

  /** Before it was established. A timeout is then closed as `local`, a refusal as not. */
  connectFailed(timedOut: boolean): void {
    add(this.cells, CX_CONNECT_FAIL, 1);
    if (timedOut) add(this.cells, CX_CONNECT_TIMEOUT, 1);
  }

  /** `local`: this proxy closed it. `requests`: how many it carried. */
  connectionClosed(
    local: boolean,
    activeRequest: boolean,
    lengthMs: number,
    requests: number,
  ): void {
    const { cells } = this;
    add(cells, CX_ACTIVE, -1);
    add(cells, CX_DESTROY, 1);
    add(cells, local ? CX_DESTROY_LOCAL : CX_DESTROY_REMOTE, 1);
    if (activeRequest) {
      add(cells, CX_DESTROY_RQ, 1);
      add(cells, local ? CX_DESTROY_LOCAL_RQ : CX_DESTROY_REMOTE_RQ, 1);
    }
    observe(cells, CX_LENGTH_MS, ENVOY_BOUNDS, lengthMs);
    observe(cells, RQ_PER_CX, ENVOY_BOUNDS, requests);
  }

  received(bytes: number): void {
    add(this.cells, CX_RX_BYTES, bytes);
  }

  sent(bytes: number): void {
    add(this.cells, CX_TX_BYTES, bytes);
  }

  /** A request waits for a connection that is not open yet; not called for a reused one. */
  requestPending(): void {
    add(this.cells, RQ_PENDING_TOTAL, 1);
    add(this.cells, RQ_PENDING_ACTIVE, 1);
  }

  /** It waits no longer: it got a connection, failed or was cancelled. */
  requestNotPending(): void {
    add(this.cells, RQ_PENDING_ACTIVE, -1);
  }

  /** An attempt goes out on an established connection. Answered by one `requestEnded`. */
  requestSent(): void {
    add(this.cells, RQ_TOTAL, 1);
    add(this.cells, RQ_ACTIVE, 1);
  }

  requestEnded(): void {
    add(this.cells, RQ_ACTIVE, -1);
  }

  /**
   * A response went downstream, the router's own (503, 504) included; not for those that a retry
   * swallowed. `internal`: Envoy's notion of an internal request (`x-envoy-internal`).
   */
  responded(code: number, internal: boolean): void {
    add(this.cells, RQ_COMPLETED, 1);
    this.#codes.count(code);
    (internal ? this.#internal : this.#external).count(code);
  }

  /** A response that is thrown away because the request is tried again. */
  retriedResponse(code: number): void {
    this.#retriedCells ??= this.#tables.retry.totals.row([this.name]).cells;
    add(this.#retriedCells, 0, 1);
    this.#retried.count(code);
  }

  /** Milliseconds from the request's last byte to the response's; only for an upstream's answer. */
  responseTime(ms: number, internal: boolean): void {
    observe(this.cells, RQ_TIME, ENVOY_BOUNDS, ms);
    (internal ? this.#internal : this.#external).time(ms);
  }

  /** The set of hosts is now this. */
  membership(total: number, healthy: number, degraded: number, excluded: number): void {
    add(this.cells, MEMBERSHIP_CHANGE, 1);
    this.cells[MEMBERSHIP_TOTAL] = total;
    this.cells[MEMBERSHIP_EXCLUDED] = excluded;
    this.health(healthy, degraded);
  }

  /** So many of the hosts are healthy or degraded. */
  health(healthy: number, degraded: number): void {
    this.cells[MEMBERSHIP_HEALTHY] = healthy;
    this.cells[MEMBERSHIP_DEGRADED] = degraded;
  }

  /** Of the cluster's active health checks; shown from the first call on. */
  healthCheck(): HealthCheckStats {
    this.#healthCheck ??= new HealthCheckStats(this.#tables.healthCheck, this.name);
    return this.#healthCheck;
  }

  /** Of the cluster's outlier detection; shown from the first call on. */
  outliers(): OutlierStats {
    this.#outliers ??= new OutlierStats(this.#tables.outliers, this.name);
    return this.#outliers;
  }

  /** Of the cluster's ring or table; shown from the first call on. */
  hashing(): HashingStats {
    const { ringHash, maglev } = this.#tables;
    this.#hashing ??= new HashingStats(ringHash, maglev, this.name);
    return this.#hashing;
  }

  /** The cluster has neither. */
  noHashing(): void {
    this.#hashing?.remove();
  }

  /** Where the `circuit_breakers` gauges come from. `trackRemaining`: also show what is left. */
  watchLimits(limits: LimitsView, trackRemaining: boolean): void {
    this.#limits = limits;
    if (trackRemaining) this.#remaining = this.#tables.remaining.row([this.name]);
    else this.#hideRemaining();
  }

  /** Before a scrape: reads the limits into their gauges. */
  collect(): void {
    if (this.#limits === undefined) return;
    const { remainingConnections, remainingPending, remainingRequests } = this.#limits;
    const { remainingRetries } = this.#limits;
    const { cells } = this;
    cells[CLUSTER.at["circuit_breakers.default.cx_open"]] = openAt(remainingConnections);
    cells[CLUSTER.at["circuit_breakers.default.rq_pending_open"]] = openAt(remainingPending);
    cells[CLUSTER.at["circuit_breakers.default.rq_open"]] = openAt(remainingRequests);
    cells[CLUSTER.at["circuit_breakers.default.rq_retry_open"]] = openAt(remainingRetries);
    const left = this.#remaining?.cells;
    if (left === undefined) return;
    left[REMAINING.at["circuit_breakers.default.remaining_cx"]] = remainingConnections;
    left[REMAINING.at["circuit_breakers.default.remaining_pending"]] = remainingPending;
    left[REMAINING.at["circuit_breakers.default.remaining_rq"]] = remainingRequests;
    left[REMAINING.at["circuit_breakers.default.remaining_retries"]] = remainingRetries;
  }

  /** The cluster is gone: out of every later scrape. Requests under way may still count. */
  remove(): void {
    this.#limits = undefined;
    this.#tables.cluster.remove(this.#row);
    this.#codes.remove();
    this.#retried.remove();
    this.#internal.remove();
    this.#external.remove();
    removeFrom(this.#tables.retry.totals, this.name, this.#retriedCells);
    removeFrom(this.#tables.http2, this.name, this.#http2Cells);
    this.#hideRemaining();
    this.#hashing?.remove();
    this.#healthCheck?.remove();
    this.#healthCheck = undefined;
    this.#outliers?.remove();
    this.#outliers = undefined;
  }

  #hideRemaining(): void {
    if (this.#remaining !== undefined) this.#tables.remaining.remove(this.#remaining);
    this.#remaining = undefined;
  }
}

/** Envoy's `internal.*` and `external.*`; the rows appear with the first response. */
class OriginStats {
  readonly #tables: OriginTables;
  readonly #name: string;
  readonly #codes: ResponseCodes;
  #totals: Float64Array | undefined;

  constructor(tables: OriginTables, name: string) {
    this.#tables = tables;
    this.#name = name;
    this.#codes = new ResponseCodes(tables.codes, tables.classes, [name]);
  }

  count(code: number): void {
    this.#totals ??= this.#tables.totals.row([this.#name]).cells;
    add(this.#totals, 0, 1);
    this.#codes.count(code);
  }

  time(ms: number): void {
    this.#totals ??= this.#tables.totals.row([this.#name]).cells;
    observe(this.#totals, 1, ENVOY_BOUNDS, ms);
  }

  remove(): void {
    this.#codes.remove();
    removeFrom(this.#tables.totals, this.#name, this.#totals);
  }
}

function removeFrom(table: Table, name: string, cells: Float64Array | undefined): void {
  if (cells !== undefined) table.remove(table.row([name]));
}

function openAt(remaining: number): number {
  return remaining <= 0 ? 1 : 0;
}

/** Counts where nobody looks: the cluster of a request that no route led anywhere. */
export const NO_CLUSTER_STATS: ClusterStats = new ClusterStats("", clusterTables(new Registry()));
