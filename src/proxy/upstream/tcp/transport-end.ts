// hot path: no allocation per request
import type { Closing, TunnelEnd, TunnelEndOwner } from "../../tcp/tunnel-end.ts";
import { isReset, resetSocket } from "../../wire/reset-socket.ts";
import { SocketWriter, type WriterOwner } from "../../wire/socket-writer.ts";
import type { Transport, TransportOwner } from "../transport.ts";

/** An open way to an endpoint as the end of a tunnel. */
export class TransportEnd implements TunnelEnd, TransportOwner, WriterOwner {
  readonly #transport: Transport;
  readonly #writer: SocketWriter;
  #owner: TunnelEndOwner | undefined;
  #closing: Closing = "local";

  /** Takes over the transport, each of whose directions ends on its own. */
  constructor(transport: Transport, owner: TunnelEndOwner) {
    this.#transport = transport;
    this.#owner = owner;
    this.#writer = new SocketWriter(transport.socket, this);
    transport.handTo(this);
  }

  write(bytes: Buffer, start: number, end: number): void {
    this.#writer.bytes(bytes, start, end);
  }

  finish(): void {
    this.#writer.flush();
    this.#transport.socket.end();
  }

  pause(): void {
    this.#transport.socket.pause();
  }

  resume(): void {
    this.#transport.socket.resume();
  }

  close(): void {
    this.#writer.flush();
    this.#transport.socket.destroySoon();
  }

  destroy(): void {
    this.#owner = undefined;
    this.#transport.socket.destroy();
  }

  reset(): void {
    this.#owner = undefined;
    this.#writer.flush();
    resetSocket(this.#transport.socket);
  }

  onFault(error: unknown): void {
    this.#owner?.onFault(error);
  }

  onOpen(): void {
    // It is open from the start.
  }

  onBytes(bytes: Buffer): void {
    this.#owner?.onBytes(this, bytes, 0, bytes.length);
  }

  onDrain(): void {
    if (!this.#writer.blocked) return;
    this.#writer.blocked = false;
    this.#owner?.onDrained(this);
  }

  onEnd(): void {
    this.#closing = "remote";
    this.#owner?.onEnded(this);
  }

  onError(error: NodeJS.ErrnoException): void {
    this.#closing = isReset(error) ? "reset" : "remote";
  }

  onClose(): void {
    this.#owner?.onClosed(this, this.#closing);
  }

  onWritten(): void {
    // Counted by those who know what was written.
  }

  onWriteBlocked(): void {
    this.#owner?.onBlocked(this);
  }
}
