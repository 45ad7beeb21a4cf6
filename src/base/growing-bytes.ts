const BYTES_MIN = 512;

/** Bytes put together of any number of pieces, each of which is copied twice at most on average. */
export class GrowingBytes {
  #buffer: Buffer = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What has been appended so far; not changed by what is appended later. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  append(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#buffer.length) this.#grow(length);
    this.#buffer.set(piece, this.#length);
    this.#length = length;
  }

  #grow(length: number): void {
    const buffer = Buffer.alloc(Math.max(length, 2 * this.#buffer.length, BYTES_MIN));
    this.#buffer.copy(buffer, 0, 0, this.#length);
    this.#buffer = buffer;
  }
}
