import type { Host } from "../cluster/host.ts";
import { Deadline, type DeadlineOwner } from "../deadline.ts";
import { connectFailure } from "./connect-failure.ts";
import type { ResetReason } from "./stream-handler.ts";
import { type Offer, Transport, type TransportOwner } from "./transport.ts";

/** What the library calls a peer's refusal of all protocols that were offered (RFC 7301). */
const NO_PROTOCOL = "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL";

export interface DialOwner {
  /** The transport is whoever's takes it over. */
  onDialled(transport: Transport): void;
  /** `noProtocol`: the peer wants none of the protocols that were offered. */
  onDialFailed(reason: ResetReason, detail: string, noProtocol: boolean): void;
}

/** A way to an endpoint until it is open, at most for the cluster's connect timeout. */
export class TransportDial implements TransportOwner, DeadlineOwner {
  readonly #host: Host;
  readonly #owner: DialOwner;
  readonly #transport: Transport;
  readonly #timer: Deadline;
  #over = false;
  #reason: ResetReason = "remote connection failure";
  #detail = "";
  #noProtocol = false;

  /** Starts to connect. */
  constructor(host: Host, owner: DialOwner, offer: Offer) {
    const { config, context } = host.cluster;
    this.#host = host;
    this.#owner = owner;
    this.#timer = new Deadline(context.clock, this, "connect");
    this.#timer.set(context.clock.now(), config.connectTimeoutMs);
    this.#transport = new Transport(host, this, offer);
  }

  /** Nobody waits for it any more. */
  destroy(): void {
    this.#end();
    this.#transport.socket.destroy();
  }

  onOpen(): void {
    if (this.#over) return;
    this.#end();
    this.#owner.onDialled(this.#transport);
  }

  onBytes(): void {
    // Nobody speaks before the handshake is over, and then the transport is another's.
  }

  onDrain(): void {
    // Nothing is written before the transport is another's.
  }

  onEnd(): void {
    this.#fail();
  }

  onError(error: NodeJS.ErrnoException): void {
    const local = error.code === "EADDRNOTAVAIL" || error.code === "EADDRINUSE";
    if (local) {
      this.#host.cluster.stats.count("bind_errors");
      this.#reason = "local connection failure";
    }
    this.#noProtocol = error.code === NO_PROTOCOL;
    this.#detail = connectFailure(error);
  }

  onClose(): void {
    this.#fail();
  }

  onDeadline(): void {
    this.#reason = "connection timeout";
    this.#fail();
  }

  onFault(error: unknown): void {
    this.#host.cluster.context.faults.report(error);
    this.#reason = "local reset";
    this.#transport.socket.destroy();
    this.#fail();
  }

  #fail(): void {
    if (this.#over) return;
    this.destroy();
    this.#owner.onDialFailed(this.#reason, this.#detail, this.#noProtocol);
  }

  #end(): void {
    this.#over = true;
    this.#timer.dispose();
  }
}
