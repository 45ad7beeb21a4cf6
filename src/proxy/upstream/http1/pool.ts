// hot path: no allocation per request
import type { Host } from "../../cluster/host.ts";
import type { RequestPool } from "../request-pool.ts";
import type { ResetReason, StreamHandler } from "../stream-handler.ts";
import { WaitingRequests } from "../waiting-requests.ts";

/** What the pool holds: a connection that serves one request at a time. */
export interface PooledConnection {
  readonly established: boolean;
  begin(handler: StreamHandler, method: string): void;
  /** Closes at the end of the request under way, or at once. */
  drain(): void;
}

/** Opens connections, which tell the pool what becomes of them, unless they are open already. */
export interface ConnectionOpener {
  open(pool: Http1Pool): PooledConnection;
  /** The pool drains. */
  drain(): void;
}

/**
 * The connections to one endpoint. A request takes the connection that was used last, or waits
 * for a new one; the limits of the cluster decide whether it may (Envoy: ConnPoolImplBase).
 */
export class Http1Pool implements RequestPool {
  readonly host: Host;
  readonly #opener: ConnectionOpener;
  readonly #idle: PooledConnection[] = [];
  readonly #all = new Set<PooledConnection>();
  readonly #waiting: WaitingRequests;
  #connecting = 0;

  constructor(host: Host, opener: ConnectionOpener) {
    this.host = host;
    this.#opener = opener;
    this.#waiting = new WaitingRequests(host.cluster);
  }

  /** Answers through the handler: at once with a connection or a refusal, or later. */
  acquire(handler: StreamHandler, method: string): void {
    if (this.#idle.length > 0) this.#attach(handler, method);
    else if (this.#waiting.add(handler, method)) this.#connectForWaiting();
  }

  /** An open connection, in its place among the cluster's, and those that have waited for it. */
  adopt(connection: PooledConnection, waiting: WaitingRequests): void {
    this.#waiting.takeOver(waiting);
    this.#all.add(connection);
    this.#connecting++;
    this.onConnected(connection);
    for (let more = this.#waiting.length; more > 0; more--) this.#connectForWaiting();
  }

  /** What was being opened as one connection has opened as another. */
  replace(connecting: PooledConnection, connection: PooledConnection): void {
    this.#all.delete(connecting);
    this.#all.add(connection);
    this.onConnected(connection);
  }

  /** The handler waits no longer. */
  cancel(handler: StreamHandler): void {
    this.#waiting.cancel(handler);
  }

  onConnected(connection: PooledConnection): void {
    this.#connecting--;
    this.#offer(connection);
    const { cluster, retired } = this.host;
    if (cluster.limits.connectionWanted || retired) this.yieldConnection();
  }

  /** A connection is ready for another request. */
  onUsable(connection: PooledConnection): void {
    const { cluster, retired } = this.host;
    // Who waits here is served first, for nobody else can.
    if (cluster.limits.connectionWanted || (retired && this.#waiting.length === 0)) {
      connection.drain();
    } else {
      this.#offer(connection);
    }
  }

  onConnectionLeft(): void {
    this.#connectForWaiting();
  }

  yieldConnection(): boolean {
    const idle = this.#idle[0];
    idle?.drain();
    return idle !== undefined;
  }

  /**
   * A connection could not be opened. All that wait go elsewhere, lest they be stuck behind a host
   * that is down; `refuse` tells them once the connection is gone.
   */
  giveUpWaiting(): void {
    this.#waiting.giveUp();
  }

  refuse(reason: ResetReason, detail: string): void {
    this.#waiting.refuse(reason, detail);
  }

  onClosed(connection: PooledConnection): void {
    if (!this.#all.delete(connection)) return;
    this.host.cluster.limits.releaseConnection();
    if (!connection.established) this.#connecting--;
    const index = this.#idle.indexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
    this.#connectForWaiting();
  }

  /** Idle connections close now, busy ones after their request. */
  drain(): void {
    for (const connection of Array.from(this.#all)) connection.drain();
    this.#opener.drain();
  }

  get size(): number {
    return this.#all.size;
  }

  /** It has connections, or somebody waits here for one. */
  get inUse(): boolean {
    return this.#all.size > 0 || this.#waiting.length > 0;
  }

  #offer(connection: PooledConnection): void {
    this.#idle.push(connection);
    while (this.#idle.length > 0) {
      const next = this.#waiting.next();
      if (next === undefined) return;
      this.#attach(next.handler, next.method);
    }
  }

  #attach(handler: StreamHandler, method: string): void {
    const { limits, stats } = this.host.cluster;
    if (!limits.takeRequest()) {
      stats.count("upstream_rq_active_overflow");
      handler.onNoConnection("overflow", "");
      return;
    }
    this.#idle.pop()?.begin(handler, method);
  }

  /** `max_connections` holds for the cluster; who has no connection may insist on one. */
  #connectForWaiting(): void {
    if (this.#waiting.length <= this.#connecting) return;
    const { limits, stats } = this.host.cluster;
    if (!limits.takeConnection()) {
      stats.count("upstream_cx_overflow");
      if (this.#all.size > 0 || !limits.takeFirstConnection(this)) return;
    }
    this.#connecting++;
    const connection = this.#opener.open(this);
    this.#all.add(connection);
    if (connection.established) this.onConnected(connection);
  }
}
