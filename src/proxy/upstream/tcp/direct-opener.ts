import type { ResetReason } from "../stream-handler.ts";
import type { Offer, Transport } from "../transport.ts";
import { type DialOwner, TransportDial } from "../transport-dial.ts";
import type { TcpConnection, TcpOpener } from "./tcp-connection.ts";
import { TransportEnd } from "./transport-end.ts";

/** Without a configured list no ALPN is offered. */
export const OFFER_TCP: Offer = { usualProtocols: [], allowHalfOpen: true };

/** Opens each connection on its own. */
export class DirectOpener implements TcpOpener {
  readonly #opening = new Map<TcpConnection, TransportDial>();

  open(connection: TcpConnection): void {
    const dial = new TransportDial(connection.host, new Opening(connection, this), OFFER_TCP);
    this.#opening.set(connection, dial);
  }

  onClosed(connection: TcpConnection): void {
    this.#opening.get(connection)?.destroy();
    this.#opening.delete(connection);
  }

  /** For its dials: this one is over. */
  forget(connection: TcpConnection): void {
    this.#opening.delete(connection);
  }

  drain(): void {
    // Nothing stands ready.
  }
}

class Opening implements DialOwner {
  readonly #connection: TcpConnection;
  readonly #opener: DirectOpener;

  constructor(connection: TcpConnection, opener: DirectOpener) {
    this.#connection = connection;
    this.#opener = opener;
  }

  onDialled(transport: Transport): void {
    this.#opener.forget(this.#connection);
    openOver(transport, this.#connection);
  }

  onDialFailed(reason: ResetReason, detail: string): void {
    this.#opener.forget(this.#connection);
    this.#connection.failed(reason, detail);
  }
}

/** The transport is the connection's from now on. */
export function openOver(transport: Transport, connection: TcpConnection): void {
  connection.tls = transport.tls;
  connection.opened(new TransportEnd(transport, connection), transport.localAddress);
}
