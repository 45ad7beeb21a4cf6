// hot path: no allocation per request
import type { Socket } from "node:net";
import type { SocketAddress } from "../../../model/address.ts";
import { contained } from "../../faults.ts";
import type { Closing, DownstreamEnd, TunnelClient, TunnelEndOwner } from "../../tcp/tunnel-end.ts";
import { isReset, resetSocket } from "../../wire/reset-socket.ts";
import { SocketWriter, type WriterOwner } from "../../wire/socket-writer.ts";
import type { Accepted } from "../accepted.ts";

/** A client's connection as the end of a tunnel. */
export class SocketEnd implements DownstreamEnd, WriterOwner {
  readonly client: TunnelClient;
  readonly originalDestination: SocketAddress | undefined;
  readonly #accepted: Accepted;
  #socket: Socket;
  #writer: SocketWriter;
  #owner: TunnelEndOwner | undefined;
  #closing: Closing = "local";

  constructor(accepted: Accepted) {
    this.#accepted = accepted;
    this.client = accepted;
    this.originalDestination = accepted.originalDestination;
    this.#socket = accepted.socket;
    this.#writer = new SocketWriter(this.#socket, this);
  }

  begin(owner: TunnelEndOwner): void {
    this.#owner = owner;
    this.#accepted.readTo(contained(this as SocketEnd, this.#onBytes), true);
    // To be read, it may have become another one.
    const { socket } = this.#accepted;
    this.#socket = socket;
    this.#writer = new SocketWriter(socket, this);
    socket.pause();
    socket.on("drain", contained(this as SocketEnd, this.#onDrain));
    socket.on("end", contained(this as SocketEnd, this.#onEnd));
    socket.on("error", contained(this as SocketEnd, this.#onError));
    socket.on("close", contained(this as SocketEnd, this.#onClose));
  }

  write(bytes: Buffer, start: number, end: number): void {
    this.#writer.bytes(bytes, start, end);
  }

  finish(): void {
    this.#writer.flush();
    this.#socket.end();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#writer.flush();
    this.#socket.destroySoon();
  }

  destroy(): void {
    this.#owner = undefined;
    this.#socket.destroy();
  }

  reset(): void {
    this.#owner = undefined;
    this.#writer.flush();
    resetSocket(this.#socket);
  }

  onFault(error: unknown): void {
    this.#owner?.onFault(error);
  }

  onWritten(): void {
    // Counted by those who know what was written.
  }

  onWriteBlocked(): void {
    this.#owner?.onBlocked(this);
  }

  #onBytes(bytes: Buffer): void {
    this.#owner?.onBytes(this, bytes, 0, bytes.length);
  }

  #onDrain(): void {
    if (!this.#writer.blocked) return;
    this.#writer.blocked = false;
    this.#owner?.onDrained(this);
  }

  #onEnd(): void {
    this.#closing = "remote";
    this.#owner?.onEnded(this);
  }

  #onError(error: NodeJS.ErrnoException): void {
    this.#closing = isReset(error) ? "reset" : "remote";
  }

  #onClose(): void {
    this.#owner?.onClosed(this, this.#closing);
  }
}
