import type { Host } from "../cluster/host.ts";
import type { Http2UpstreamConnection } from "../upstream/http2/connection.ts";
import type { ResetReason } from "../upstream/stream-handler.ts";
import { DirectOpener, OFFER_TCP, openOver } from "../upstream/tcp/direct-opener.ts";
import type { TcpConnection, TcpOpener } from "../upstream/tcp/tcp-connection.ts";
import type { Transport } from "../upstream/transport.ts";
import { CarriedTcp } from "./carried-tcp.ts";
import { CARRIED_STREAMS_MAX, Carriers, type CarriersOwner } from "./carriers.ts";
import { CARRYING_TCP_ALPN } from "./protocol.ts";

const OFFER = { ...OFFER_TCP, ownProtocol: CARRYING_TCP_ALPN };

/**
 * Opens TCP connections to an endpoint that may be an Outrigger sidecar. The first handshake shows
 * it; who comes meanwhile waits for that one. Then connections are carried, or opened one by one
 * as to any other peer: until the last of those has closed.
 */
export class CarryingTcpOpener implements TcpOpener, CarriersOwner {
  readonly #carriers: Carriers;
  readonly #direct = new DirectOpener();
  /** To a peer that does not carry: while there are any, nobody asks it again. */
  readonly #plain = new Set<TcpConnection>();
  #waiting: TcpConnection[] = [];

  constructor(host: Host) {
    const options = { cargo: "tcp", offer: OFFER, streamsMax: CARRIED_STREAMS_MAX } as const;
    this.#carriers = new Carriers(host, this, options);
  }

  open(connection: TcpConnection): void {
    if (this.#plain.size > 0) {
      this.#openPlainly(connection);
      return;
    }
    const carrier = this.#carriers.pick();
    if (carrier === undefined) this.#waiting.push(connection);
    this.#carriers.ensureRoom();
    if (carrier !== undefined) carry(connection, carrier);
  }

  onClosed(connection: TcpConnection): void {
    this.#direct.onClosed(connection);
    this.#plain.delete(connection);
    const index = this.#waiting.indexOf(connection);
    if (index >= 0) this.#waiting.splice(index, 1);
  }

  drain(): void {
    this.#carriers.drain();
  }

  onCarriersReady(): void {
    while (this.#waiting.length > 0) {
      const carrier = this.#carriers.pick();
      if (carrier === undefined) break;
      const connection = this.#waiting.shift();
      if (connection !== undefined) carry(connection, carrier);
    }
    if (this.#waiting.length > 0) this.#carriers.ensureRoom();
  }

  onCarriersGone(opening: boolean): void {
    if (!opening) this.#failWaiting("remote connection failure", "");
  }

  onPlainPeer(transport: Transport): void {
    const [first, ...others] = this.#waiting.splice(0);
    if (first === undefined) {
      transport.socket.destroy();
      return;
    }
    this.#plain.add(first);
    for (const connection of others) this.#openPlainly(connection);
    openOver(transport, first);
  }

  /** A peer that wants none of our protocols may still speak without one, as it is asked to. */
  onDialFailed(reason: ResetReason, detail: string, noProtocol: boolean): void {
    if (!noProtocol) this.#failWaiting(reason, detail);
    else for (const connection of this.#waiting.splice(0)) this.#openPlainly(connection);
  }

  #openPlainly(connection: TcpConnection): void {
    this.#plain.add(connection);
    this.#direct.open(connection);
  }

  #failWaiting(reason: ResetReason, detail: string): void {
    for (const connection of this.#waiting.splice(0)) connection.failed(reason, detail);
  }
}

function carry(connection: TcpConnection, carrier: Http2UpstreamConnection): void {
  new CarriedTcp(connection).open(carrier);
}
