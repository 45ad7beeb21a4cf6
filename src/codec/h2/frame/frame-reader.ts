// hot path: no allocation per request
import { byteAt } from "../../http/grammar/character.ts";
import {
  CONTINUATION,
  DATA,
  FLAG_PADDED,
  FRAME_HEADER_BYTES,
  HEADERS,
  PREFACE,
} from "./frame-type.ts";

/** Room for a cut frame that is kept from frame to frame; a larger one goes with its frame. */
const KEPT_BYTES_MAX = 4096;
const ROOM_AT_FIRST = 64;
const NO_BYTES: Buffer = Buffer.alloc(0);

/** Takes frames. Each call says whether more is to be read: false where the connection is over. */
export interface FrameSink {
  /** The header of any frame but DATA, before its payload is waited for: is the size allowed? */
  onFrameHeader(type: number, flags: number, streamId: number, length: number): boolean;
  /** A frame but DATA; its payload lies in `bytes[start..end)`, in one piece. */
  onFrame(
    type: number,
    flags: number,
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): boolean;
  /** A DATA frame begins; `padding` counts the pad length's byte, 0 where there is none. */
  onDataStart(flags: number, streamId: number, length: number, padding: number): boolean;
  /** A piece of a DATA frame's data, never empty. */
  onDataPiece(bytes: Buffer, start: number, end: number): boolean;
  /** The DATA frame is whole, its padding too. */
  onDataEnd(): boolean;
  /** The client's preface is none: this is another protocol. */
  onBadPreface(): boolean;
}

/**
 * ```
 *              24 bytes            9 bytes                       payload, in one piece
 *   "preface" ----------> "header" -------> "payload" ------------------------------> "header"
 *                            |  |   unknown type                  payload, dropped
 *                            |  +----------> "skip" --------------------------------> "header"
 *                            |  DATA               pad length          data, padding
 *                            +-----> ("padLength" ----------->) "data" -> "padding" -> "header"
 * ```
 */
export type ReaderState =
  | "preface"
  | "header"
  | "payload"
  | "skip"
  | "padLength"
  | "data"
  | "padding";

/**
 * Cuts bytes that come in pieces of any size into frames (RFC 9113 section 4.1). Data is passed on
 * as it comes, anything else when it is whole: mostly where it lies.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  #state: ReaderState;
  /** Bytes of the preface, or of data, padding or a payload to skip, that still have to come. */
  #left = 0;
  #type = 0;
  #flags = 0;
  #streamId = 0;
  #length = 0;
  #padding = 0;
  /** What has come of a cut frame header or payload. */
  #pending: Buffer = NO_BYTES;
  #pendingLength = 0;

  /** A server reads the client's preface first. */
  constructor(sink: FrameSink, preface: boolean) {
    this.#sink = sink;
    this.#state = preface ? "preface" : "header";
    this.#left = preface ? PREFACE.length : 0;
  }

  /** The stream of a HEADERS frame that has begun and is not whole; or 0. */
  get cutHead(): number {
    return this.#state === "payload" && this.#type === HEADERS ? this.#streamId : 0;
  }

  /** Reads all of `bytes[start..end)`, or as far as the sink wants. */
  read(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (at >= 0 && (at < end || this.#isWhole())) at = this.#step(bytes, at, end);
  }

  /** Whether the next step needs no further byte. */
  #isWhole(): boolean {
    if (this.#state === "payload") return this.#length === 0;
    return (this.#state === "data" || this.#state === "padding") && this.#left === 0;
  }

  /** Returns where the next step reads, or -1. */
  #step(bytes: Buffer, at: number, end: number): number {
    switch (this.#state) {
      case "header":
        return this.#header(bytes, at, end);
      case "payload":
        return this.#payload(bytes, at, end);
      case "data":
        return this.#data(bytes, at, end);
      case "padding":
        return this.#padded(at, end);
      case "padLength":
        this.#padding = 1 + byteAt(bytes, at);
        return this.#startData() ? at + 1 : -1;
      case "skip":
        return this.#skip(at, end);
      case "preface":
        return this.#preface(bytes, at, end);
    }
  }

  #preface(bytes: Buffer, at: number, end: number): number {
    const stop = Math.min(end, at + this.#left);
    for (let i = at; i < stop; i++) {
      if (byteAt(bytes, i) === byteAt(PREFACE, PREFACE.length - this.#left)) this.#left--;
      else return this.#sink.onBadPreface() ? end : -1;
    }
    if (this.#left === 0) this.#state = "header";
    return stop;
  }

  #header(bytes: Buffer, at: number, end: number): number {
    if (this.#pendingLength === 0 && end - at >= FRAME_HEADER_BYTES) {
      return this.#startFrame(bytes, at) ? at + FRAME_HEADER_BYTES : -1;
    }
    const stop = this.#collect(bytes, at, end, FRAME_HEADER_BYTES);
    if (this.#pendingLength < FRAME_HEADER_BYTES) return stop;
    this.#pendingLength = 0;
    return this.#startFrame(this.#pending, 0) ? stop : -1;
  }

  #startFrame(bytes: Buffer, at: number): boolean {
    const length = (byteAt(bytes, at) << 16) | (byteAt(bytes, at + 1) << 8) | byteAt(bytes, at + 2);
    this.#length = length;
    this.#type = byteAt(bytes, at + 3);
    this.#flags = byteAt(bytes, at + 4);
    this.#streamId =
      ((byteAt(bytes, at + 5) & 0x7f) << 24) |
      (byteAt(bytes, at + 6) << 16) |
      (byteAt(bytes, at + 7) << 8) |
      byteAt(bytes, at + 8);
    if (this.#type === DATA) return this.#startDataFrame();
    this.#state = this.#type > CONTINUATION ? "skip" : "payload";
    this.#left = length;
    return this.#sink.onFrameHeader(this.#type, this.#flags, this.#streamId, length);
  }

  #startDataFrame(): boolean {
    this.#padding = 0;
    if ((this.#flags & FLAG_PADDED) === 0) return this.#startData();
    // Where there is no room for the pad length, the sink sees more padding than there is frame.
    if (this.#length === 0) {
      this.#padding = 1;
      return this.#startData();
    }
    this.#state = "padLength";
    return true;
  }

  #startData(): boolean {
    this.#state = "data";
    this.#left = this.#length - this.#padding;
    return this.#sink.onDataStart(this.#flags, this.#streamId, this.#length, this.#padding);
  }

  #payload(bytes: Buffer, at: number, end: number): number {
    const length = this.#length;
    if (this.#pendingLength === 0 && end - at >= length) {
      this.#state = "header";
      return this.#passFrame(bytes, at, at + length) ? at + length : -1;
    }
    const stop = this.#collect(bytes, at, end, length);
    if (this.#pendingLength < length) return stop;
    this.#pendingLength = 0;
    this.#state = "header";
    const pending = this.#pending;
    if (pending.length > KEPT_BYTES_MAX) this.#pending = NO_BYTES;
    return this.#passFrame(pending, 0, length) ? stop : -1;
  }

  #passFrame(bytes: Buffer, start: number, end: number): boolean {
    return this.#sink.onFrame(this.#type, this.#flags, this.#streamId, bytes, start, end);
  }

  #data(bytes: Buffer, at: number, end: number): number {
    const stop = Math.min(end, at + this.#left);
    this.#left -= stop - at;
    if (this.#left === 0) {
      this.#state = "padding";
      this.#left = Math.max(0, this.#padding - 1);
    }
    return stop === at || this.#sink.onDataPiece(bytes, at, stop) ? stop : -1;
  }

  #padded(at: number, end: number): number {
    const stop = Math.min(end, at + this.#left);
    this.#left -= stop - at;
    if (this.#left > 0) return stop;
    this.#state = "header";
    return this.#sink.onDataEnd() ? stop : -1;
  }

  #skip(at: number, end: number): number {
    const stop = Math.min(end, at + this.#left);
    this.#left -= stop - at;
    if (this.#left === 0) this.#state = "header";
    return stop;
  }

  /** Takes bytes until `wanted` are pending. */
  #collect(bytes: Buffer, at: number, end: number, wanted: number): number {
    const stop = Math.min(end, at + wanted - this.#pendingLength);
    if (this.#pending.length < wanted) this.#grow(wanted);
    bytes.copy(this.#pending, this.#pendingLength, at, stop);
    this.#pendingLength += stop - at;
    return stop;
  }

  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(ROOM_AT_FIRST, bytes));
    this.#pending.copy(larger, 0, 0, this.#pendingLength);
    this.#pending = larger;
  }
}
