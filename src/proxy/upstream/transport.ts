// hot path: no allocation per request
import type { Socket } from "node:net";
import type { Host } from "../cluster/host.ts";
import { contained, type FaultOwner } from "../faults.ts";
import { dial } from "./dial.ts";

/** What a connection to an endpoint is told of its bytes' way. */
export interface TransportOwner extends FaultOwner {
  /** Bytes may be written. */
  onOpen(): void;
  /** They lie in a buffer that the next read overwrites. */
  onBytes(bytes: Buffer): void;
  onDrain(): void;
  /** The endpoint sends no more. */
  onEnd(): void;
  onError(error: NodeJS.ErrnoException): void;
  /** Always the last. */
  onClose(): void;
}

/** The way to an endpoint, plain or TLS. Who owns it may change once, when it has opened. */
export class Transport implements FaultOwner {
  readonly socket: Socket;
  /** Bytes may be written. */
  open = false;
  #owner: TransportOwner;

  /** What ALPN settled on; empty without TLS, and where it settled on nothing. */
  protocol = "";

  /** Starts to connect. `alpn` is offered before what the cluster's configuration lists. */
  constructor(host: Host, owner: TransportOwner, alpn = "") {
    const { bindAddress, tcpKeepalive } = host.cluster.config;
    this.#owner = owner;
    this.socket = dial(host.address, {
      bindAddress,
      tcpKeepalive,
      allowHalfOpen: false,
      onBytes: contained(this as Transport, this.#onBytes),
    });
    this.socket.on("connect", contained(this as Transport, this.#onOpen));
    this.socket.on("drain", contained(this as Transport, this.#onDrain));
    this.socket.on("end", contained(this as Transport, this.#onEnd));
    this.socket.on("error", contained(this as Transport, this.#onError));
    this.socket.on("close", contained(this as Transport, this.#onClose));
    this.socket.resume();
  }

  /** `address:port` of this side, empty before it is open. */
  get localAddress(): string {
    const { localAddress, localPort } = this.socket;
    return localAddress === undefined ? "" : `${localAddress}:${localPort}`;
  }

  /** Another takes over; it is not told again that the transport is open. */
  handTo(owner: TransportOwner): void {
    this.#owner = owner;
  }

  onFault(error: unknown): void {
    this.#owner.onFault(error);
  }

  #onOpen(): void {
    this.open = true;
    this.#owner.onOpen();
  }

  #onBytes(bytes: Buffer): void {
    this.#owner.onBytes(bytes);
  }

  #onDrain(): void {
    this.#owner.onDrain();
  }

  #onEnd(): void {
    this.#owner.onEnd();
  }

  #onError(error: NodeJS.ErrnoException): void {
    this.#owner.onError(error);
  }

  #onClose(): void {
    this.#owner.onClose();
  }
}
