// hot path: no allocation per request
import type { Host } from "../../cluster/host.ts";
import type { RequestPool } from "../request-pool.ts";
import type { ResetReason, StreamHandler } from "../stream-handler.ts";
import { Http1UpstreamConnection } from "./connection.ts";

/** A request that waits for a connection. */
export interface Waiting {
  readonly handler: StreamHandler;
  readonly method: string;
}

/**
 * The connections to one endpoint. A request takes the connection that was used last, or waits
 * for a new one; the limits of the cluster decide whether it may (Envoy: ConnPoolImplBase).
 */
export class Http1Pool implements RequestPool {
  readonly #host: Host;
  readonly #idle: Http1UpstreamConnection[] = [];
  readonly #all = new Set<Http1UpstreamConnection>();
  readonly #waiting: Waiting[] = [];
  #connecting = 0;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Answers through the handler: at once with a connection or a refusal, or later. */
  acquire(handler: StreamHandler, method: string): void {
    const { limits, stats } = this.#host.cluster;
    if (this.#idle.length > 0) {
      this.#attach(handler, method);
      return;
    }
    if (!limits.takePending()) {
      stats.count("upstream_rq_pending_overflow");
      handler.onNoConnection("overflow", "");
      return;
    }
    stats.requestPending();
    this.#waiting.push({ handler, method });
    if (this.#waiting.length > this.#connecting) this.#connect();
  }

  /** The handler waits no longer. */
  cancel(handler: StreamHandler): void {
    const index = this.#waiting.findIndex(isHandler, handler);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    this.#leaveQueue();
    this.#host.cluster.stats.count("upstream_rq_cancelled");
  }

  onConnected(connection: Http1UpstreamConnection): void {
    this.#connecting--;
    this.onUsable(connection);
  }

  /** A connection is ready for a request. */
  onUsable(connection: Http1UpstreamConnection): void {
    this.#idle.push(connection);
    while (this.#idle.length > 0) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#leaveQueue();
      this.#attach(next.handler, next.method);
    }
  }

  /**
   * A connection could not be opened. All that wait go elsewhere, lest they be stuck behind a host
   * that is down; `refuse` tells them once the connection is gone.
   */
  takeWaiting(): readonly Waiting[] {
    return this.#waiting.splice(0);
  }

  refuse(waiting: readonly Waiting[], reason: ResetReason, detail: string): void {
    for (let i = 0; i < waiting.length; i++) {
      this.#leaveQueue();
      this.#host.cluster.stats.count("upstream_rq_pending_failure_eject");
      const handler = waiting[i]?.handler;
      try {
        handler?.onNoConnection(reason, detail);
      } catch (error) {
        handler?.onFault(error);
      }
    }
  }

  onClosed(connection: Http1UpstreamConnection): void {
    if (!this.#all.delete(connection)) return;
    this.#host.cluster.limits.connections--;
    if (!connection.established) this.#connecting--;
    const index = this.#idle.indexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
    if (this.#waiting.length > this.#connecting) this.#connect();
  }

  /** Idle connections close now, busy ones after their request. */
  drain(): void {
    for (const connection of Array.from(this.#all)) connection.drain();
  }

  get size(): number {
    return this.#all.size;
  }

  #attach(handler: StreamHandler, method: string): void {
    const { limits, stats } = this.#host.cluster;
    if (!limits.takeRequest()) {
      stats.count("upstream_rq_active_overflow");
      handler.onNoConnection("overflow", "");
      return;
    }
    this.#idle.pop()?.begin(handler, method);
  }

  #leaveQueue(): void {
    this.#host.cluster.limits.releasePending();
    this.#host.cluster.stats.requestNotPending();
  }

  /** `max_connections` holds for the cluster, but every host may have one connection. */
  #connect(): void {
    const { limits, stats } = this.#host.cluster;
    if (!limits.connectionsLeft) {
      stats.count("upstream_cx_overflow");
      if (this.#all.size > 0) return;
    }
    limits.connections++;
    this.#connecting++;
    this.#all.add(new Http1UpstreamConnection(this.#host));
  }
}

function isHandler(this: StreamHandler, waiting: Waiting): boolean {
  return waiting.handler === this;
}
