import type { Host } from "../cluster/host.ts";
import { Http1UpstreamConnection } from "./http1/connection.ts";
import { Http1Pool } from "./http1/pool.ts";
import { socketOpener } from "./http1/socket-opener.ts";
import { Http2Pool } from "./http2/pool.ts";
import type { RequestPool } from "./request-pool.ts";
import type { ResetReason, StreamHandler } from "./stream-handler.ts";
import { OFFER_BOTH, type Transport } from "./transport.ts";
import { type DialOwner, TransportDial } from "./transport-dial.ts";
import { WaitingRequests } from "./waiting-requests.ts";

/**
 * The pool of an endpoint whose protocol ALPN decides (Envoy: HttpConnPoolImplMixed). The first
 * connection shows it; then the pool of that protocol goes on with it, until its last connection
 * has closed.
 */
export class NegotiatingPool implements RequestPool, DialOwner {
  readonly #host: Host;
  readonly #waiting: WaitingRequests;
  #chosen: Http1Pool | Http2Pool | undefined;
  #dial: TransportDial | undefined;
  #dialledMs = 0;
  #drainsOnceOpen = false;

  constructor(host: Host) {
    this.#host = host;
    this.#waiting = new WaitingRequests(host.cluster);
  }

  acquire(handler: StreamHandler, method: string): void {
    if (this.#chosen?.inUse === true) this.#chosen.acquire(handler, method);
    else if (this.#waiting.add(handler, method)) this.#connect();
  }

  cancel(handler: StreamHandler): void {
    this.#waiting.cancel(handler);
    this.#chosen?.cancel(handler);
  }

  drain(): void {
    this.#drainsOnceOpen = this.#dial !== undefined;
    this.#chosen?.drain();
  }

  onConnectionLeft(): void {
    if (this.#waiting.length > 0) this.#connect();
  }

  yieldConnection(): boolean {
    return this.#chosen?.yieldConnection() ?? false;
  }

  get size(): number {
    return (this.#chosen?.size ?? 0) + (this.#dial === undefined ? 0 : 1);
  }

  onDialled(transport: Transport): void {
    const { context, stats } = this.#host.cluster;
    this.#dial = undefined;
    stats.connectionEstablished(context.clock.now() - this.#dialledMs);
    const pool =
      transport.protocol === "h2" ? this.#useHttp2(transport) : this.#useHttp1(transport);
    if (this.#drainsOnceOpen) pool.drain();
  }

  onDialFailed(reason: ResetReason, detail: string): void {
    const { context, limits, stats } = this.#host.cluster;
    const timedOut = reason === "connection timeout";
    this.#dial = undefined;
    stats.connectFailed(timedOut);
    stats.connectionClosed(timedOut, false, context.clock.now() - this.#dialledMs, 0);
    limits.releaseConnection();
    this.#waiting.giveUp();
    this.#waiting.refuse(reason, detail);
  }

  #connect(): void {
    if (this.#dial !== undefined) return;
    const { context, limits, stats } = this.#host.cluster;
    if (!limits.takeConnection()) {
      stats.count("upstream_cx_overflow");
      if (!limits.takeFirstConnection(this)) return;
    }
    this.#dialledMs = context.clock.now();
    this.#drainsOnceOpen = false;
    stats.tcpConnectionOpening();
    this.#dial = new TransportDial(this.#host, this, OFFER_BOTH);
  }

  #useHttp2(transport: Transport): Http2Pool {
    const pool = new Http2Pool(this.#host);
    this.#host.cluster.stats.count("upstream_cx_http2_total");
    this.#chosen = pool;
    pool.adopt(transport, this.#waiting);
    return pool;
  }

  #useHttp1(transport: Transport): Http1Pool {
    const pool = new Http1Pool(this.#host, socketOpener);
    this.#host.cluster.stats.count("upstream_cx_http1_total");
    this.#chosen = pool;
    pool.adopt(new Http1UpstreamConnection(pool, transport), this.#waiting);
    return pool;
  }
}
