// hot path: no allocation per request

/** Queued bytes lie in pieces of this size: as much as one DATA frame carries. */
const CHUNK_BYTES = 16 * 1024;
/** Chunks kept for the next use, for all connections of a thread together: 8 MiB. */
const SPARES_MAX = 512;

class Chunk {
  readonly bytes: Buffer;
  start = 0;
  end = 0;
  next: Chunk = this;

  constructor(bytes: number) {
    this.bytes = Buffer.allocUnsafeSlow(bytes);
  }
}

const spares: Chunk[] = [];
const NO_CHUNK: Chunk = new Chunk(0);

/** Copies of bytes that wait to be sent, first in, first out. */
export class SendQueue {
  /** Bytes in all. */
  length = 0;
  #first = NO_CHUNK;
  #last = NO_CHUNK;

  /** The first piece: `bytes[start..end)`; empty where nothing waits. */
  get bytes(): Buffer {
    return this.#first.bytes;
  }

  get start(): number {
    return this.#first.start;
  }

  get end(): number {
    return this.#first.end;
  }

  push(bytes: Buffer, start: number, end: number): void {
    this.length += end - start;
    let at = start;
    while (at < end) {
      if (this.#last.end === CHUNK_BYTES || this.#last === NO_CHUNK) this.#append();
      const last = this.#last;
      const taken = Math.min(CHUNK_BYTES - last.end, end - at);
      bytes.copy(last.bytes, last.end, at, at + taken);
      last.end += taken;
      at += taken;
    }
  }

  /** Takes so many bytes out of the first piece. */
  take(bytes: number): void {
    this.length -= bytes;
    const first = this.#first;
    first.start += bytes;
    if (first.start === first.end) this.#dropFirst();
  }

  clear(): void {
    while (this.#first !== NO_CHUNK) this.#dropFirst();
    this.length = 0;
  }

  #append(): void {
    const chunk = spares.pop() ?? new Chunk(CHUNK_BYTES);
    chunk.start = 0;
    chunk.end = 0;
    chunk.next = NO_CHUNK;
    if (this.#first === NO_CHUNK) this.#first = chunk;
    else this.#last.next = chunk;
    this.#last = chunk;
  }

  #dropFirst(): void {
    const chunk = this.#first;
    this.#first = chunk.next;
    if (this.#first === NO_CHUNK) this.#last = NO_CHUNK;
    chunk.next = NO_CHUNK;
    if (spares.length < SPARES_MAX) spares.push(chunk);
  }
}
