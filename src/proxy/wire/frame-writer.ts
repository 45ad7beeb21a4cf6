// hot path: no allocation per request
import type { Output } from "../../codec/h2/output.ts";
import { OUTPUT_BYTES_MAX } from "../../codec/h2/send/sender.ts";
import type { FaultOwner } from "../faults.ts";
import { type Piece, takeWholePiece } from "./piece.ts";
import type { WritableSocket } from "./socket-writer.ts";
import { flushAtTurnEnd, type LateWriter } from "./turn-end.ts";

export interface FrameWriterOwner extends FaultOwner {
  /** So many bytes have been handed to the socket. */
  onWritten(bytes: number): void;
  /** So much had waited that the session held DATA back; now it can go on. */
  onWriteDrained(): void;
  /** The peer takes nothing, yet asks for ever more: the connection has to be given up. */
  onWriteFlooded(): void;
}

/** Heads and answers to the peer's frames are written even when it takes nothing: up to here. */
const UNSENT_BYTES_MAX = 4 * 1024 * 1024;
const NOTHING: Buffer = Buffer.alloc(0);

/**
 * Where an HTTP/2 session writes its frames. They gather in a recycled piece that goes to the
 * socket at the end of the event loop's turn: all streams of a turn in one write, and under TLS in
 * few records. While the socket still holds the last write, what follows gathers in one piece, so
 * a peer that does not read costs little memory.
 */
export class FrameWriter implements Output, LateWriter {
  buffer: Buffer = NOTHING;
  position = 0;
  flushes = 0;
  readonly #socket: WritableSocket;
  readonly #owner: FrameWriterOwner;
  readonly #written: () => void;
  readonly #inFlight: Piece[] = [];
  /** Bytes that the socket holds. */
  #held = 0;
  #piece: Piece | undefined;
  /** What the last flush handed over: bulk gets large pieces at once. */
  #lastBytes = 0;
  #dirty = false;
  #blocked = false;

  constructor(socket: WritableSocket, owner: FrameWriterOwner) {
    this.#socket = socket;
    this.#owner = owner;
    this.#written = this.#onWritten.bind(this);
  }

  get unsent(): number {
    return this.#held + this.position;
  }

  room(bytes: number): void {
    const needed = this.position + bytes;
    if (needed > this.buffer.length) this.#grow(needed);
    if (this.#held + needed >= OUTPUT_BYTES_MAX) this.#blocked = true;
    if (needed > UNSENT_BYTES_MAX) this.#owner.onWriteFlooded();
    if (this.#dirty) return;
    this.#dirty = true;
    flushAtTurnEnd(this);
  }

  /** Everything that was written goes to the socket now. */
  flush(): void {
    const bytes = this.position;
    const piece = this.#piece;
    if (piece === undefined || bytes === 0) return;
    const socket = this.#socket;
    this.#piece = undefined;
    this.buffer = NOTHING;
    this.position = 0;
    this.#lastBytes = bytes;
    this.flushes++;
    if (socket.destroyed) return;
    this.#inFlight.push(piece);
    socket.write(piece.lend(bytes), this.#written);
    this.#held = socket.writableLength;
    this.#owner.onWritten(bytes);
  }

  flushContained(): void {
    this.#dirty = false;
    try {
      if (this.#held === 0 || this.#socket.destroyed) this.flush();
    } catch (error) {
      this.#owner.onFault(error);
    }
  }

  #grow(needed: number): void {
    const last = this.#piece;
    const spacious = last === undefined ? this.#lastBytes : needed + (needed >> 1);
    const piece = takeWholePiece(Math.max(needed, spacious));
    if (last !== undefined) {
      last.lend(this.position).copy(piece.buffer);
      last.release();
    }
    this.#piece = piece;
    this.buffer = piece.buffer;
  }

  /** The oldest write is done: its piece is free, and what has gathered meanwhile follows. */
  #onWritten(): void {
    this.#inFlight.shift()?.release();
    if (this.#inFlight.length > 0) return;
    this.#held = 0;
    try {
      if (!this.#dirty) this.flush();
      if (!this.#blocked) return;
      this.#blocked = this.unsent >= OUTPUT_BYTES_MAX;
      if (!this.#blocked) this.#owner.onWriteDrained();
    } catch (error) {
      this.#owner.onFault(error);
    }
  }
}
