// hot path: no allocation per request

/** A header block in several frames may take so much, and twice what its list may: it is coded. */
const BLOCK_BYTES_MAX = 256 * 1024;
/** Frames of one long block: so many bytes each, on average. */
const FRAME_BYTES_MIN = 4096;
const ROOM_AT_FIRST = 32 * 1024;
const NO_BYTES: Buffer = Buffer.alloc(0);

/** Puts a header block together that comes in several frames (RFC 9113 section 4.3). */
export class BlockBuffer {
  bytes: Buffer = NO_BYTES;
  length = 0;
  readonly #bytesMax: number;
  readonly #framesMax: number;
  #frames = 0;

  /** `listBytesMax`: what the fields may take, as SETTINGS_MAX_HEADER_LIST_SIZE counts. */
  constructor(listBytesMax: number) {
    this.#bytesMax = Math.max(BLOCK_BYTES_MAX, 2 * listBytesMax);
    this.#framesMax = this.#bytesMax / FRAME_BYTES_MIN;
  }

  begin(): void {
    this.length = 0;
    this.#frames = 0;
  }

  /** False where the block grows beyond its bounds. */
  add(bytes: Buffer, start: number, end: number): boolean {
    const length = this.length + end - start;
    if (length > this.#bytesMax || ++this.#frames > this.#framesMax) return false;
    if (length > this.bytes.length) this.#grow(length);
    bytes.copy(this.bytes, this.length, start, end);
    this.length = length;
    return true;
  }

  /** Blocks of several frames are rare: nothing is kept for the next one. */
  free(): void {
    this.bytes = NO_BYTES;
  }

  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(ROOM_AT_FIRST, bytes * 2));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }
}
