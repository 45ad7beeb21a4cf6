// hot path: no allocation per request
import type { FaultOwner } from "./faults.ts";

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

/** A copy of a read has room for that much, and so many copies are kept for the next ones. */
const PIECE_BYTES = 64 * 1024;
/** Less payload than this gets no more room than it needs, as it may have to wait for long. */
const PIECE_BYTES_MIN = 16 * 1024;
const SPARES_MAX = 64;
const spares: Piece[] = [];

/** Payload on its way to a socket; used again when it has been written. */
class Piece {
  readonly release: () => void;
  readonly #buffer: Buffer;
  #lent = false;

  constructor(bytes: number) {
    this.#buffer = Buffer.allocUnsafeSlow(bytes);
    this.release = this.#release.bind(this);
  }

  /** The bytes' copy. */
  fill(bytes: Buffer, start: number, end: number): Buffer {
    this.#lent = true;
    bytes.copy(this.#buffer, 0, start, end);
    return this.#buffer.subarray(0, end - start);
  }

  #release(): void {
    if (!this.#lent) return;
    this.#lent = false;
    if (this.#buffer.length === PIECE_BYTES && spares.length < SPARES_MAX) spares.push(this);
  }
}

function takePiece(length: number): Piece {
  if (length > PIECE_BYTES || length < PIECE_BYTES_MIN) return new Piece(length);
  return spares.pop() ?? new Piece(PIECE_BYTES);
}

/** Who has something to hand over once everything that could be read has been read. */
const dirty: SocketWriter[] = [];

/**
 * Collects what is written to one socket during a turn of the event loop, and hands it over at
 * the turn's end. So a head and a small body are one write; and all reads of a turn come before
 * all writes, which wakes the peers less often and keeps the caches warm for either.
 */
export class SocketWriter {
  readonly #socket: WritableSocket;
  readonly #owner: WriterOwner;
  #text = "";
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
    this.#text += text;
    this.#bytes += text.length;
    this.#touch();
  }

  bytes(bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    if (length <= COPIED_MAX) {
      this.text(bytes.toString("latin1", start, end));
      return;
    }
    if (!this.#corked) this.#socket.cork();
    this.#corked = true;
    this.#handOverText();
    // What was read is overwritten by the next read, and this write may have to wait.
    const piece = takePiece(length);
    this.#socket.write(piece.fill(bytes, start, end), piece.release);
    this.#bytes += length;
    this.#touch();
  }

  /** Everything that was written goes to the socket now. */
  flush(): void {
    const socket = this.#socket;
    if (socket.destroyed) {
      this.#text = "";
      this.#bytes = 0;
      return;
    }
    this.#handOverText();
    if (this.#corked) socket.uncork();
    this.#corked = false;
    this.#owner.onWritten(this.#bytes);
    this.#bytes = 0;
    if (!this.blocked && socket.writableNeedDrain) {
      this.blocked = true;
      this.#owner.onWriteBlocked();
    }
  }

  /** As `flush`, but a mistake here keeps nobody else's bytes back. */
  flushContained(): void {
    this.#dirty = false;
    try {
      this.flush();
    } catch (error) {
      this.#owner.onFault(error);
    }
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
    if (dirty.length === 0) setImmediate(flushAll);
    dirty.push(this);
  }
}

function flushAll(): void {
  for (let i = 0; i < dirty.length; i++) (dirty[i] as SocketWriter).flushContained();
  dirty.length = 0;
}
