// hot path: no allocation per request
import type { Output } from "../../codec/h2/output.ts";
import type { FaultOwner } from "../faults.ts";
import { PIECE_BYTES, type Piece, takeWholePiece } from "./piece.ts";
import type { WritableSocket } from "./socket-writer.ts";
import { flushAtTurnEnd, type LateWriter } from "./turn-end.ts";

export interface FrameWriterOwner extends FaultOwner {
  /** So many bytes have been handed to the socket. */
  onWritten(bytes: number): void;
  /** It was blocked, and takes DATA again. */
  onWriteDrained(): void;
  /** The peer takes nothing, yet asks for ever more: the connection has to be given up. */
  onWriteFlooded(): void;
}

/** The largest DATA frame that is sent, with its head. */
const DATA_FRAME_BYTES = 16_384 + 9;
/** Heads and answers to the peer's frames are written even when it takes nothing: up to here. */
const UNSENT_BYTES_MAX = 4 * 1024 * 1024;
const NOTHING: Buffer = Buffer.alloc(0);

/**
 * Where an HTTP/2 session writes its frames. They gather in a recycled piece that goes to the
 * socket at the end of the event loop's turn, or when it is full: all streams of a turn in one
 * write, and under TLS in few records. While the socket still holds the last write, what follows
 * gathers in one piece, so a peer that does not read costs little memory.
 */
export class FrameWriter implements Output, LateWriter {
  buffer: Buffer = NOTHING;
  position = 0;
  /** The socket holds the last write and a piece is full: DATA waits for `onWriteDrained`. */
  blocked = false;
  readonly #socket: WritableSocket;
  readonly #owner: FrameWriterOwner;
  readonly #written: () => void;
  readonly #inFlight: Piece[] = [];
  #piece: Piece | undefined;
  #dirty = false;

  constructor(socket: WritableSocket, owner: FrameWriterOwner) {
    this.#socket = socket;
    this.#owner = owner;
    this.#written = this.#onWritten.bind(this);
  }

  takesData(): boolean {
    if (this.position + DATA_FRAME_BYTES <= PIECE_BYTES) return !this.blocked;
    if (this.#socket.writableLength === 0) this.flush();
    this.blocked = this.#socket.writableLength > 0;
    return !this.blocked;
  }

  room(bytes: number): void {
    if (this.position + bytes > this.buffer.length) this.#grow(bytes);
    if (this.#dirty) return;
    this.#dirty = true;
    flushAtTurnEnd(this);
  }

  /** Everything that was written goes to the socket now. */
  flush(): void {
    const piece = this.#piece;
    const bytes = this.position;
    if (piece === undefined || bytes === 0) return;
    this.#piece = undefined;
    this.buffer = NOTHING;
    this.position = 0;
    if (this.#socket.destroyed) return;
    this.#inFlight.push(piece);
    this.#socket.write(piece.lend(bytes), this.#written);
    this.#owner.onWritten(bytes);
  }

  flushContained(): void {
    this.#dirty = false;
    try {
      if (this.#socket.writableLength === 0 || this.#socket.destroyed) this.flush();
    } catch (error) {
      this.#owner.onFault(error);
    }
  }

  #grow(bytes: number): void {
    const last = this.#piece;
    const piece = takeWholePiece(this.position + bytes + (this.position >> 1));
    if (last !== undefined) {
      last.lend(this.position).copy(piece.buffer);
      last.release();
    }
    this.#piece = piece;
    this.buffer = piece.buffer;
    if (this.position > UNSENT_BYTES_MAX) this.#owner.onWriteFlooded();
  }

  /** The oldest write is done: its piece is free, and what has gathered meanwhile follows. */
  #onWritten(): void {
    this.#inFlight.shift()?.release();
    if (this.#inFlight.length > 0) return;
    try {
      if (!this.#dirty) this.flush();
      if (!this.blocked) return;
      this.blocked = this.#socket.writableLength > 0;
      if (!this.blocked) this.#owner.onWriteDrained();
    } catch (error) {
      this.#owner.onFault(error);
    }
  }
}
