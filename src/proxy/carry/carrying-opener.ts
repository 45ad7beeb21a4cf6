import type { Host } from "../cluster/host.ts";
import { Deadline, type DeadlineOwner } from "../deadline.ts";
import { Http1UpstreamConnection } from "../upstream/http1/connection.ts";
import type { ConnectionOpener, Http1Pool, PooledConnection } from "../upstream/http1/pool.ts";
import type { ResetReason } from "../upstream/stream-handler.ts";
import { OFFER_HTTP1, type Offer, Transport, type TransportOwner } from "../upstream/transport.ts";
import { CarriedConnection } from "./carried-connection.ts";
import { Carriers, type CarriersOwner } from "./carriers.ts";
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
export class CarryingOpener
  implements ConnectionOpener, CarriersOwner, TransportOwner, DeadlineOwner
{
  readonly #host: Host;
  readonly #carriers: Carriers;
  readonly #timer: Deadline;
  #pool: Http1Pool | undefined;
  #peer: Peer = "unknown";
  /** Those that wait for the handshake. */
  #waiting: CarriedConnection[] = [];
  #dialling: Transport | undefined;
  #dialledMs = 0;
  #failure: { readonly reason: ResetReason; readonly detail: string } | undefined;
  /** Open, to a peer that does not carry. */
  #ready: Transport | undefined;

  constructor(host: Host) {
    this.#host = host;
    this.#carriers = new Carriers(host, this);
    this.#timer = new Deadline(host.cluster.context.clock, this, "connect");
  }

  open(pool: Http1Pool): PooledConnection {
    this.#pool = pool;
    const ready = this.#ready;
    this.#ready = undefined;
    if (ready !== undefined) return new Http1UpstreamConnection(pool, ready);
    if (this.#peer === "plain" && pool.size === 0) this.#peer = "unknown";
    if (this.#peer === "plain") return new Http1UpstreamConnection(pool);
    return this.#openCarried(pool);
  }

  /** Carriers that nobody needs any more are let go with the pool. */
  drain(): void {
    this.#carriers.drain();
  }

  onCarriersGone(): void {
    this.#peer = "unknown";
  }

  onOpen(): void {
    const transport = this.#dialling;
    if (transport === undefined) return;
    this.#endDial();
    if (transport.protocol === CARRYING_ALPN) this.#carry(transport);
    else this.#openPlainly(transport);
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
    if (local) this.#host.cluster.stats.count("bind_errors");
    this.#failure ??= {
      reason: local ? "local connection failure" : "remote connection failure",
      detail: error.message,
    };
  }

  onClose(): void {
    const { reason, detail } = this.#failure ?? { reason: "remote connection failure", detail: "" };
    this.#fail(reason, detail, false);
  }

  onDeadline(): void {
    this.#fail("connection timeout", "", true);
  }

  onFault(error: unknown): void {
    this.#host.cluster.context.faults.report(error);
    this.#fail("local reset", "", false);
  }

  #openCarried(pool: Http1Pool): CarriedConnection {
    const connection = new CarriedConnection(pool, this.#carriers);
    if (this.#carriers.pick() !== undefined) {
      connection.opened();
      if (this.#carriers.full) this.#dial();
      return connection;
    }
    if (this.#waiting.length === 0) connection.count();
    this.#waiting.push(connection);
    this.#dial();
    return connection;
  }

  #dial(): void {
    if (this.#dialling !== undefined) return;
    const { config, context } = this.#host.cluster;
    this.#failure = undefined;
    this.#dialledMs = context.clock.now();
    this.#timer.set(this.#dialledMs, config.connectTimeoutMs);
    this.#dialling = new Transport(this.#host, this, OFFER);
  }

  #endDial(): void {
    this.#timer.clear();
    this.#dialling = undefined;
  }

  #carry(transport: Transport): void {
    this.#peer = "carrying";
    this.#carriers.adopt(transport);
    for (const connection of this.#waiting.splice(0)) {
      connection.opened();
      this.#pool?.onConnected(connection);
    }
  }

  /** The first of those that wait becomes the connection that has just opened. */
  #openPlainly(transport: Transport): void {
    const waiting = this.#waiting.splice(0);
    if (waiting.length === 0) {
      transport.socket.destroy();
      return;
    }
    const { context, stats } = this.#host.cluster;
    stats.connectionEstablished(context.clock.now() - this.#dialledMs);
    this.#peer = "plain";
    this.#ready = transport;
    for (const connection of waiting) connection.discard();
  }

  #fail(reason: ResetReason, detail: string, timedOut: boolean): void {
    const transport = this.#dialling;
    if (transport === undefined) return;
    this.#endDial();
    transport.socket.destroy();
    const failed = this.#waiting.splice(0);
    if (failed.length === 0) return;
    this.#host.cluster.stats.connectFailed(timedOut);
    const refused = this.#pool?.takeWaiting() ?? [];
    for (const connection of failed) connection.lost();
    this.#pool?.refuse(refused, reason, detail);
  }
}
