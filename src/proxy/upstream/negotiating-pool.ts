import type { Host } from "../cluster/host.ts";
import { Deadline, type DeadlineOwner } from "../deadline.ts";
import { Http1UpstreamConnection } from "./http1/connection.ts";
import { type ConnectionOpener, Http1Pool } from "./http1/pool.ts";
import { Http2Pool } from "./http2/pool.ts";
import type { RequestPool } from "./request-pool.ts";
import type { ResetReason, StreamHandler } from "./stream-handler.ts";
import { OFFER_BOTH, Transport, type TransportOwner } from "./transport.ts";
import { WaitingRequests } from "./waiting-requests.ts";

/**
 * The pool of an endpoint whose protocol ALPN decides (Envoy: HttpConnPoolImplMixed). The first
 * connection shows it; then the pool of that protocol goes on with it, until its last connection
 * has closed.
 */
export class NegotiatingPool implements RequestPool, TransportOwner, DeadlineOwner {
  readonly #host: Host;
  readonly #waiting: WaitingRequests;
  readonly #timer: Deadline;
  #chosen: Http1Pool | Http2Pool | undefined;
  #dialling: Transport | undefined;
  #dialledMs = 0;
  #reason: ResetReason = "remote connection failure";
  #detail = "";

  constructor(host: Host) {
    this.#host = host;
    this.#waiting = new WaitingRequests(host.cluster);
    this.#timer = new Deadline(host.cluster.context.clock, this, "connect");
  }

  acquire(handler: StreamHandler, method: string): void {
    if (this.#chosen !== undefined && this.#chosen.size > 0) this.#chosen.acquire(handler, method);
    else if (this.#waiting.add(handler, method)) this.#dial();
  }

  cancel(handler: StreamHandler): void {
    this.#waiting.cancel(handler);
    this.#chosen?.cancel(handler);
  }

  drain(): void {
    this.#chosen?.drain();
  }

  onConnectionLeft(): void {
    if (this.#waiting.length > 0) this.#dial();
  }

  yieldConnection(): boolean {
    return this.#chosen?.yieldConnection() ?? false;
  }

  get size(): number {
    return (this.#chosen?.size ?? 0) + (this.#dialling === undefined ? 0 : 1);
  }

  onOpen(): void {
    const transport = this.#dialling;
    if (transport === undefined) return;
    const { context, limits, stats } = this.#host.cluster;
    this.#timer.clear();
    this.#dialling = undefined;
    stats.connectionEstablished(context.clock.now() - this.#dialledMs);
    if (transport.protocol === "h2") {
      stats.count("upstream_cx_http2_total");
      const pool = new Http2Pool(this.#host);
      this.#chosen = pool;
      pool.adopt(transport);
      pool.serve(this.#waiting);
      return;
    }
    stats.count("upstream_cx_http1_total");
    // The pool takes the connection's place among the cluster's itself.
    limits.releaseConnection();
    const pool = new Http1Pool(this.#host, new OpenerWith(transport));
    this.#chosen = pool;
    pool.serve(this.#waiting);
  }

  onBytes(): void {
    // Nobody speaks before the handshake is over, and then the transport is another's.
  }

  onDrain(): void {
    // Nothing is written before the transport is another's.
  }

  onEnd(): void {
    this.onClose();
  }

  onError(error: NodeJS.ErrnoException): void {
    const local = error.code === "EADDRNOTAVAIL" || error.code === "EADDRINUSE";
    if (local) {
      this.#host.cluster.stats.count("bind_errors");
      this.#reason = "local connection failure";
    }
    this.#detail = error.message;
  }

  onClose(): void {
    this.#fail(false);
  }

  onDeadline(): void {
    this.#reason = "connection timeout";
    this.#fail(true);
  }

  onFault(error: unknown): void {
    this.#host.cluster.context.faults.report(error);
    this.#reason = "local reset";
    this.#fail(false);
  }

  #dial(): void {
    if (this.#dialling !== undefined) return;
    const { config, context, limits, stats } = this.#host.cluster;
    if (!limits.takeConnection()) {
      stats.count("upstream_cx_overflow");
      if (!limits.takeFirstConnection(this)) return;
    }
    this.#reason = "remote connection failure";
    this.#detail = "";
    this.#dialledMs = context.clock.now();
    this.#timer.set(this.#dialledMs, config.connectTimeoutMs);
    stats.tcpConnectionOpening();
    this.#dialling = new Transport(this.#host, this, OFFER_BOTH);
  }

  #fail(timedOut: boolean): void {
    const transport = this.#dialling;
    if (transport === undefined) return;
    const { context, limits, stats } = this.#host.cluster;
    this.#timer.clear();
    this.#dialling = undefined;
    transport.socket.destroy();
    stats.connectFailed(timedOut);
    stats.connectionClosed(timedOut, false, context.clock.now() - this.#dialledMs, 0);
    limits.releaseConnection();
    this.#waiting.refuse(this.#waiting.takeAll(), this.#reason, this.#detail);
  }
}

/** Opens connections, the first of which is open already. */
class OpenerWith implements ConnectionOpener {
  #ready: Transport | undefined;

  constructor(ready: Transport) {
    this.#ready = ready;
  }

  open(pool: Http1Pool): Http1UpstreamConnection {
    const ready = this.#ready;
    this.#ready = undefined;
    return new Http1UpstreamConnection(pool, ready);
  }

  drain(): void {
    this.#ready?.socket.destroy();
    this.#ready = undefined;
  }
}
