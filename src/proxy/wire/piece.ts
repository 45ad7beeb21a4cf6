// hot path: no allocation per request
/** A piece has room for that much, and so many pieces are kept for the next ones. */
const PIECE_BYTES = 64 * 1024;
/** Less payload than this gets no more room than it needs, as it may have to wait for long. */
const PIECE_BYTES_MIN = 12 * 1024;
const SPARES_MAX = 64;
/** What bulk over HTTP/2 fills in one turn of the event loop. */
const LARGE_PIECE_BYTES = 192 * 1024;
const LARGE_SPARES_MAX = 16;
const spares: Piece[] = [];
const largeSpares: Piece[] = [];

/** Payload on its way to a socket; used again when it has been written. */
export class Piece {
  readonly buffer: Buffer;
  readonly release: () => void;
  #lent = false;

  constructor(bytes: number) {
    this.buffer = Buffer.allocUnsafeSlow(bytes);
    this.release = this.#release.bind(this);
  }

  /** The first bytes of the piece, to be released once they are no longer needed. */
  lend(bytes: number): Buffer {
    this.#lent = true;
    return this.buffer.subarray(0, bytes);
  }

  #release(): void {
    if (!this.#lent) return;
    this.#lent = false;
    const { length } = this.buffer;
    if (length === PIECE_BYTES && spares.length < SPARES_MAX) spares.push(this);
    if (length !== LARGE_PIECE_BYTES || largeSpares.length >= LARGE_SPARES_MAX) return;
    largeSpares.push(this);
  }
}

/** A piece that has room for the length and, mostly, for more. */
export function takeWholePiece(length: number): Piece {
  if (length <= PIECE_BYTES) return spares.pop() ?? new Piece(PIECE_BYTES);
  if (length > LARGE_PIECE_BYTES) return new Piece(length);
  return largeSpares.pop() ?? new Piece(LARGE_PIECE_BYTES);
}

/** A piece that has room for the length, and little more where that is short. */
export function takePiece(length: number): Piece {
  return length < PIECE_BYTES_MIN ? new Piece(length) : takeWholePiece(length);
}
