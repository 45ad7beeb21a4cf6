// hot path: no allocation per request
import type { Host } from "../../cluster/host.ts";
import type { RequestPool } from "../request-pool.ts";
import type { ResetReason, StreamHandler } from "../stream-handler.ts";
import type { Transport } from "../transport.ts";
import { WaitingRequests } from "../waiting-requests.ts";
import { type ConnectionOwner, Http2UpstreamConnection } from "./connection.ts";

/**
 * The HTTP/2 connections to one endpoint. One carries everything until its peer's
 * MAX_CONCURRENT_STREAMS is reached, then another is opened (Envoy: Http2::ConnPoolImpl).
 */
export class Http2Pool implements RequestPool, ConnectionOwner {
  readonly #host: Host;
  readonly #all = new Set<Http2UpstreamConnection>();
  /** Those that may take streams, the one to be asked first in front. */
  readonly #ready: Http2UpstreamConnection[] = [];
  readonly #waiting: WaitingRequests;
  #connecting = 0;

  constructor(host: Host) {
    this.#host = host;
    this.#waiting = new WaitingRequests(host.cluster);
  }

  /** An open transport, counted as a connection already, and those that have waited for it. */
  adopt(transport: Transport, waiting: WaitingRequests): void {
    const connection = new Http2UpstreamConnection(this.#host, this, transport);
    this.#waiting.takeOver(waiting);
    this.#all.add(connection);
    this.#connecting++;
    this.onConnected(connection);
    for (let more = this.#waiting.length; more > 0; more--) this.#connectForWaiting();
  }

  acquire(handler: StreamHandler, _method: string): void {
    const connection = this.#usable();
    if (connection !== undefined) this.#attach(connection, handler);
    else if (this.#waiting.add(handler, "")) this.#connectForWaiting();
  }

  cancel(handler: StreamHandler): void {
    this.#waiting.cancel(handler);
  }

  onConnected(connection: Http2UpstreamConnection): void {
    this.#connecting--;
    this.#ready.push(connection);
    this.#serveWaiting();
    const { cluster, retired } = this.#host;
    if (cluster.limits.connectionWanted || retired) this.yieldConnection();
  }

  onConnectionLeft(): void {
    this.#connectForWaiting();
  }

  yieldConnection(): boolean {
    for (let i = 0; i < this.#ready.length; i++) {
      if (this.#ready[i]?.takesNoMore !== false) continue;
      this.#ready[i]?.drain();
      return true;
    }
    return false;
  }

  onChanged(_connection: Http2UpstreamConnection): void {
    this.#serveWaiting();
  }

  onClosed(connection: Http2UpstreamConnection, reason: ResetReason, detail: string): void {
    if (!this.#all.delete(connection)) return;
    this.#host.cluster.limits.releaseConnection();
    const index = this.#ready.indexOf(connection);
    if (index >= 0) this.#ready.splice(index, 1);
    else this.#connecting--;
    // All go elsewhere, lest they be stuck behind a host that is down.
    if (index < 0) {
      this.#waiting.giveUp();
      this.#waiting.refuse(reason, detail);
    } else {
      this.#connectForWaiting();
    }
  }

  drain(): void {
    for (const connection of Array.from(this.#all)) connection.drain();
  }

  get size(): number {
    return this.#all.size;
  }

  /** It has connections, or somebody waits here for one. */
  get inUse(): boolean {
    return this.#all.size > 0 || this.#waiting.length > 0;
  }

  #usable(): Http2UpstreamConnection | undefined {
    for (let i = 0; i < this.#ready.length; i++) {
      if (this.#ready[i]?.canOpen === true) return this.#ready[i];
    }
    return undefined;
  }

  #attach(connection: Http2UpstreamConnection, handler: StreamHandler): void {
    const { limits, stats } = this.#host.cluster;
    if (limits.takeRequest()) {
      connection.begin(handler);
      return;
    }
    stats.count("upstream_rq_active_overflow");
    handler.onNoConnection("overflow", "");
  }

  #serveWaiting(): void {
    while (this.#waiting.length > 0) {
      const connection = this.#usable();
      if (connection === undefined) break;
      const next = this.#waiting.next();
      if (next !== undefined) this.#attach(connection, next.handler);
    }
    this.#connectForWaiting();
  }

  /** As many as a connection will take, as far as the configuration says. */
  get #streamsEach(): number {
    const { http2, maxRequestsPerConnection } = this.#host.cluster.config;
    return maxRequestsPerConnection === 0
      ? http2.maxConcurrentStreams
      : Math.min(http2.maxConcurrentStreams, maxRequestsPerConnection);
  }

  /** `max_connections` holds for the cluster; who has no connection may insist on one. */
  #connectForWaiting(): void {
    if (this.#waiting.length <= this.#connecting * this.#streamsEach) return;
    const { limits, stats } = this.#host.cluster;
    if (!limits.takeConnection()) {
      stats.count("upstream_cx_overflow");
      if (this.#all.size > 0 || !limits.takeFirstConnection(this)) return;
    }
    this.#connecting++;
    this.#all.add(new Http2UpstreamConnection(this.#host, this));
  }
}
