// hot path: no allocation per request
import type { FaultOwner } from "../faults.ts";
import { type Piece, takePiece } from "./piece.ts";
import { borrow } from "./read-buffer.ts";
import { flushAtTurnEnd, type LateWriter } from "./turn-end.ts";

/** What a writer needs of a socket (node:net's and node:tls' have it). */
export interface WritableSocket {
  readonly writableNeedDrain: boolean;
  readonly writableLength: number;
  readonly destroyed: boolean;
  write(text: string, encoding: BufferEncoding): boolean;
  /** `written` is called once the bytes are no longer needed, also where they could not be sent. */
  write(bytes: Uint8Array, written: () => void): boolean;
  cork(): void;
  uncork(): void;
}

export interface WriterOwner extends FaultOwner {
  /** The kernel takes no more: whoever feeds this writer should stop reading. */
  onWriteBlocked(): void;
  /** So many bytes have been handed to the socket. */
  onWritten(bytes: number): void;
}

/** Payload up to this length is copied behind the text before it: one string, one system call. */
const COPIED_MAX = 4096;
/** What waits is handed over when it gets this long, whatever the event loop does. */
const WAITING_MAX = 64 * 1024;

/**
 * Collects what is written to one socket during a turn of the event loop, and hands it over at
 * the turn's end. So a head and a small body are one write; and all reads of a turn come before
 * all writes, which wakes the peers less often and keeps the caches warm for either.
 */
export class SocketWriter implements LateWriter {
  readonly #socket: WritableSocket;
  readonly #owner: WriterOwner;
  #text = "";
  /** What follows the text; text behind it is written into it. */
  #piece: Piece | undefined;
  #filled = 0;
  #bytes = 0;
  #dirty = false;
  #corked = false;
  blocked = false;

  constructor(socket: WritableSocket, owner: WriterOwner) {
    this.#socket = socket;
    this.#owner = owner;
  }

  /** Latin-1 text. */
  text(text: string): void {
    if (this.#piece === undefined) this.#text += text;
    else this.#textBehind(this.#piece, text);
    this.#bytes += text.length;
    this.#touch();
  }

  bytes(bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    if (length <= COPIED_MAX && this.#piece === undefined) {
      this.text(bytes.toString("latin1", start, end));
      return;
    }
    this.#bytes += length;
    const lent = borrow(bytes, length);
    if (lent === undefined) {
      this.#copy(bytes, start, end);
    } else {
      this.#cork();
      this.#handOver();
      this.#socket.write(bytes.subarray(start, end), lent.release);
    }
    this.#touch();
  }

  /** What was read is overwritten by the next read, and this write may have to wait. */
  #copy(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end) {
      const piece = this.#piece ?? this.#openPiece(end - at);
      const taken = Math.min(end - at, piece.buffer.length - this.#filled);
      bytes.copy(piece.buffer, this.#filled, at, at + taken);
      this.#filled += taken;
      at += taken;
      if (this.#filled === piece.buffer.length) this.#handOverPiece();
    }
  }

  #textBehind(piece: Piece, text: string): void {
    if (this.#filled + text.length <= piece.buffer.length) {
      this.#filled += piece.buffer.write(text, this.#filled, "latin1");
      return;
    }
    this.#handOverPiece();
    this.#text = text;
  }

  #openPiece(length: number): Piece {
    this.#cork();
    this.#handOverText();
    const piece = takePiece(length);
    this.#piece = piece;
    this.#filled = 0;
    return piece;
  }

  /** Everything that was written goes to the socket now. */
  flush(): void {
    const socket = this.#socket;
    if (socket.destroyed) {
      this.#text = "";
      this.#piece = undefined;
      this.#bytes = 0;
      return;
    }
    this.#handOver();
    if (this.#corked) socket.uncork();
    this.#corked = false;
    this.#owner.onWritten(this.#bytes);
    this.#bytes = 0;
    if (!this.blocked && socket.writableNeedDrain) {
      this.blocked = true;
      this.#owner.onWriteBlocked();
    }
  }

  flushContained(): void {
    this.#dirty = false;
    try {
      this.flush();
    } catch (error) {
      this.#owner.onFault(error);
    }
  }

  #handOver(): void {
    this.#handOverPiece();
    this.#handOverText();
  }

  #handOverPiece(): void {
    const piece = this.#piece;
    if (piece === undefined) return;
    this.#piece = undefined;
    this.#cork();
    this.#socket.write(piece.lend(this.#filled), piece.release);
  }

  /** What is written in several steps goes out in one system call. */
  #cork(): void {
    if (!this.#corked) this.#socket.cork();
    this.#corked = true;
  }

  #handOverText(): void {
    if (this.#text === "") return;
    const text = this.#text;
    this.#text = "";
    this.#socket.write(text, "latin1");
  }

  #touch(): void {
    if (this.#bytes > WAITING_MAX) {
      this.flush();
      return;
    }
    if (this.#dirty) return;
    this.#dirty = true;
    flushAtTurnEnd(this);
  }
}
