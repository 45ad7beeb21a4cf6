import type { Host } from "../cluster/host.ts";
import { Http1UpstreamConnection } from "../upstream/http1/connection.ts";
import type { ConnectionOpener, Http1Pool, PooledConnection } from "../upstream/http1/pool.ts";
import type { Http2UpstreamConnection } from "../upstream/http2/connection.ts";
import type { ResetReason } from "../upstream/stream-handler.ts";
import { OFFER_HTTP1, type Offer, type Transport } from "../upstream/transport.ts";
import { BulkCarriers } from "./bulk-carriers.ts";
import { CarriedConnection, type CarrierChoice } from "./carried-connection.ts";
import { CARRIED_STREAMS_MAX, Carriers, type CarriersOwner } from "./carriers.ts";
import { CARRYING_ALPN } from "./protocol.ts";

const OFFER: Offer = { ...OFFER_HTTP1, ownProtocol: CARRYING_ALPN };

/**
 * What is known of the endpoint, by what ALPN last settled on.
 *
 * ```
 *   unknown -> carrying -> unknown      when nobody carries any more
 *      |
 *      +-----> plain ----> unknown      when all of its connections have closed
 * ```
 */
type Peer = "unknown" | "carrying" | "plain";

/**
 * Opens a pool's connections to an endpoint that may be an Outrigger sidecar. The first handshake
 * shows it; who asks for a connection meanwhile waits for that one. Then connections are carried,
 * or opened one by one as to any other peer.
 */
export class CarryingOpener implements ConnectionOpener, CarriersOwner, CarrierChoice {
  readonly #host: Host;
  readonly #carriers: Carriers;
  readonly #bulk: BulkCarriers;
  readonly #carried = new Set<CarriedConnection>();
  #pool: Http1Pool | undefined;
  #peer: Peer = "unknown";
  /** Those that wait for a carrier. */
  #waiting: CarriedConnection[] = [];
  #waitingSinceMs = 0;

  constructor(host: Host) {
    const options = { cargo: "http1", offer: OFFER, streamsMax: CARRIED_STREAMS_MAX } as const;
    this.#host = host;
    this.#carriers = new Carriers(host, this, options);
    this.#bulk = new BulkCarriers(host, OFFER);
  }

  open(pool: Http1Pool): PooledConnection {
    this.#pool = pool;
    if (this.#peer === "plain" && pool.size === 0) this.#peer = "unknown";
    if (this.#peer === "plain") return new Http1UpstreamConnection(pool);
    return this.#openCarried(pool);
  }

  /** Carriers that nobody needs any more are let go with the pool. */
  drain(): void {
    this.#carriers.drain();
    this.#bulk.drain();
  }

  /** Whatever is long goes over connections of its own, as soon as there is one. */
  carrierFor(contentLength: number): Http2UpstreamConnection | undefined {
    return this.#bulk.pick(contentLength) ?? this.#carriers.pick();
  }

  get carries(): boolean {
    return this.#carriers.pick() !== undefined;
  }

  onCarriedClosed(connection: CarriedConnection): void {
    this.#carried.delete(connection);
    const index = this.#waiting.indexOf(connection);
    if (index >= 0) this.#waiting.splice(index, 1);
  }

  onCarriersReady(): void {
    this.#peer = "carrying";
    while (this.#waiting.length > 0 && this.#carriers.pick() !== undefined) {
      const connection = this.#waiting.shift();
      connection?.opened();
      if (connection !== undefined) this.#pool?.onConnected(connection);
    }
    if (this.#waiting.length > 0) this.#carriers.ensureRoom();
  }

  /** Those that are idle must not be given to anybody meanwhile. */
  onCarriersGone(opening: boolean): void {
    if (!opening) {
      this.#peer = "unknown";
      this.#failWaiting("remote connection failure", "");
    }
    this.#loseCarried();
  }

  /** The first of those that wait becomes the connection that has just opened. */
  onPlainPeer(transport: Transport): void {
    const waiting = this.#waiting.splice(0);
    const [first] = waiting;
    const pool = this.#pool;
    if (first === undefined || pool === undefined) {
      transport.socket.destroy();
      return;
    }
    const { context, stats } = this.#host.cluster;
    first.count();
    stats.connectionEstablished(context.clock.now() - this.#waitingSinceMs);
    this.#peer = "plain";
    pool.replace(first, new Http1UpstreamConnection(pool, transport));
    for (const connection of waiting) connection.discard();
    this.#loseCarried();
  }

  onDialFailed(reason: ResetReason, detail: string): void {
    this.#failWaiting(reason, detail);
    if (this.#carriers.pick() === undefined) this.onCarriersGone(false);
  }

  #openCarried(pool: Http1Pool): CarriedConnection {
    const connection = new CarriedConnection(pool, this);
    this.#carried.add(connection);
    if (this.#carriers.pick() !== undefined) {
      connection.opened();
    } else {
      if (this.#waiting.length === 0) this.#beginWaiting(connection);
      this.#waiting.push(connection);
    }
    this.#carriers.ensureRoom();
    return connection;
  }

  #beginWaiting(connection: CarriedConnection): void {
    this.#waitingSinceMs = this.#host.cluster.context.clock.now();
    connection.count();
  }

  /** They have nobody to carry them; those in use hear of it by their streams. */
  #loseCarried(): void {
    for (const connection of Array.from(this.#carried)) {
      if (connection.established) connection.lost();
    }
  }

  #failWaiting(reason: ResetReason, detail: string): void {
    const failed = this.#waiting.splice(0);
    if (failed.length === 0) return;
    this.#host.cluster.stats.connectFailed(reason === "connection timeout");
    this.#pool?.giveUpWaiting();
    for (const connection of failed) connection.lost();
    this.#pool?.refuse(reason, detail);
  }
}
