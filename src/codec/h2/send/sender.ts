// hot path: no allocation per request
import { DATA, FLAG_END_STREAM, FRAME_HEADER_BYTES } from "../frame/frame-type.ts";
import type { FrameWriter } from "../frame/frame-writer.ts";
import { FRAME_BYTES_MAX, WINDOW_AT_FIRST, WINDOW_MAX } from "../settings.ts";
import type { Stream } from "../stream.ts";

/** DATA waits while the socket has so much to take: what is queued later could not overtake it. */
export const OUTPUT_BYTES_MAX: number = 128 * 1024;

const TURNS_AT_FIRST = 16;

/**
 * Sends DATA within the peer's windows (RFC 9113 section 5.2). Nothing waits as long as windows
 * and socket allow; after that streams take turns of one frame each.
 */
export class Sender {
  /** The connection's window. */
  window: number = WINDOW_AT_FIRST;
  /** What streams begin with: the peer's INITIAL_WINDOW_SIZE. */
  initialWindow: number = WINDOW_AT_FIRST;
  /** Frames sent; bounds the WINDOW_UPDATEs that the peer may send. */
  dataFrames = 0;
  readonly #writer: FrameWriter;
  /** Whose turn it is, as a ring; each stream stands in it once. */
  #turns: Stream[] = [];
  #first = 0;
  #waiting = 0;
  #pumping = false;

  constructor(writer: FrameWriter) {
    this.#writer = writer;
  }

  /** Sends what may be sent, queues the rest. */
  send(stream: Stream, bytes: Buffer, start: number, end: number): void {
    const at = this.#waiting > 0 ? start : this.#sendNow(stream, bytes, start, end);
    if (at === end) return;
    stream.queue.push(bytes, at, end);
    if (stream.sendWindow > 0) this.#takeTurn(stream);
    if (this.#waiting > 0) this.pump();
  }

  /** An empty frame that ends the stream; it needs no window. */
  sendEnd(stream: Stream): void {
    const { output } = this.#writer;
    output.room(FRAME_HEADER_BYTES);
    this.#writer.header(0, DATA, FLAG_END_STREAM, stream.id);
    this.#writer.announce();
  }

  /** False where the window grows beyond what is allowed (RFC 9113 section 6.9.1). */
  widen(bytes: number): boolean {
    this.window += bytes;
    return this.window <= WINDOW_MAX;
  }

  /** The stream's own window has grown. */
  widened(stream: Stream): void {
    if (stream.queue.length > 0 && stream.sendWindow > 0) this.#takeTurn(stream);
  }

  /** Sends what waits, fairly, as far as windows and socket allow. */
  pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    // An owner that throws in `onWritable` is no reason to send nothing more.
    try {
      this.#sendTurns();
    } finally {
      this.#pumping = false;
    }
  }

  #sendTurns(): void {
    while (this.#waiting > 0 && this.window > 0 && !this.#isFull()) {
      const stream = this.#nextTurn();
      // Its stream may have been reset, or its window have shrunk since.
      if (stream.queue.length > 0 && stream.sendWindow > 0) this.#sendQueued(stream);
    }
  }

  #sendNow(stream: Stream, bytes: Buffer, start: number, end: number): number {
    let at = start;
    if (stream.queue.length > 0) return at;
    while (at < end && !this.#isFull()) {
      const size = Math.min(end - at, FRAME_BYTES_MAX, this.window, stream.sendWindow);
      if (size <= 0) break;
      this.#write(stream, bytes, at, at + size, 0);
      at += size;
    }
    return at;
  }

  #sendQueued(stream: Stream): void {
    const { queue } = stream;
    const size = Math.min(queue.end - queue.start, this.window, stream.sendWindow);
    const last = size === queue.length && stream.ending === "end";
    const flags = last ? FLAG_END_STREAM : 0;
    this.#write(stream, queue.bytes, queue.start, queue.start + size, flags);
    queue.take(size);
    // Before its owner hears of room, so that the others have their turn before what it adds.
    this.widened(stream);
    stream.onQueueSent();
  }

  #write(stream: Stream, bytes: Buffer, start: number, end: number, flags: number): void {
    const size = end - start;
    const { output } = this.#writer;
    output.room(FRAME_HEADER_BYTES + size);
    stream.wroteFrame(output.position, output.flushes);
    this.#writer.header(size, DATA, flags, stream.id);
    output.position += bytes.copy(output.buffer, output.position, start, end);
    this.window -= size;
    stream.sendWindow -= size;
    this.dataFrames++;
    this.#writer.announce();
  }

  #isFull(): boolean {
    return this.#writer.output.unsent >= OUTPUT_BYTES_MAX;
  }

  #takeTurn(stream: Stream): void {
    if (stream.hasTurn) return;
    stream.hasTurn = true;
    if (this.#waiting === this.#turns.length) this.#grow(stream);
    this.#turns[(this.#first + this.#waiting) & (this.#turns.length - 1)] = stream;
    this.#waiting++;
  }

  #nextTurn(): Stream {
    const stream = this.#turns[this.#first] as Stream;
    this.#first = (this.#first + 1) & (this.#turns.length - 1);
    this.#waiting--;
    stream.hasTurn = false;
    return stream;
  }

  /** `filler` stands in the free places, so that the array keeps one kind of element. */
  #grow(filler: Stream): void {
    const turns: Stream[] = [];
    const size = this.#turns.length;
    for (let i = 0; i < size; i++) {
      turns.push(this.#turns[(this.#first + i) & (size - 1)] as Stream);
    }
    for (let i = Math.max(TURNS_AT_FIRST, size); i > 0; i--) turns.push(filler);
    this.#turns = turns;
    this.#first = 0;
  }
}
