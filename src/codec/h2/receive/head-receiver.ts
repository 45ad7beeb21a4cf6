// hot path: no allocation per request
import { HpackDecoder, TABLE_SIZE_DEFAULT } from "../../hpack/decoder.ts";
import { byteAt } from "../../http/grammar/character.ts";
import { HeaderTable } from "../../http/header-table.ts";
import type { Connection } from "../connection.ts";
import {
  COMPRESSION_ERROR,
  ENHANCE_YOUR_CALM,
  type ErrorCode,
  FRAME_SIZE_ERROR,
  NO_ERROR,
  PROTOCOL_ERROR,
  STREAM_CLOSED,
} from "../error-code.ts";
import {
  FLAG_END_HEADERS,
  FLAG_END_STREAM,
  FLAG_PADDED,
  FLAG_PRIORITY,
  FRAME_HEADER_BYTES,
} from "../frame/frame-type.ts";
import type { Http2Request } from "../request.ts";
import type { Http2Response } from "../response.ts";
import type { Stream } from "../stream.ts";
import { BlockBuffer } from "./block-buffer.ts";
import { FieldBlock } from "./field-block.ts";
import { FLOOD } from "./flood-guard.ts";

const PRIORITY_BYTES = 5;
const NO_TRAILERS = new HeaderTable();

/** Takes heads and trailers: HEADERS and CONTINUATION frames (RFC 9113 section 6.2 and 8.1). */
export class HeadReceiver {
  /** The stream of which CONTINUATION must follow, or 0. */
  continued = 0;
  readonly #connection: Connection;
  readonly #decoder = new HpackDecoder();
  readonly #block: FieldBlock;
  readonly #pieces: BlockBuffer;
  /** Made for the first ones: most connections carry none. */
  #trailers = NO_TRAILERS;
  // Of the HEADERS frame whose block is being read.
  #streamId = 0;
  #endStream = false;
  #dependsOnItself = false;

  constructor(connection: Connection) {
    const { settings } = connection;
    this.#connection = connection;
    this.#block = new FieldBlock(settings);
    this.#pieces = new BlockBuffer(settings.maxHeaderListBytes);
    if (settings.headerTableSize > TABLE_SIZE_DEFAULT) {
      this.#decoder.setTableSizeMax(settings.headerTableSize);
    }
  }

  /** From now on the peer holds to what we have announced, also where that is less. */
  settingsAcknowledged(): void {
    const { settings, streams, streamWindow } = this.#connection;
    this.#decoder.setTableSizeMax(settings.headerTableSize);
    const less = streamWindow - settings.initialStreamWindowSize;
    if (less === 0) return;
    this.#connection.streamWindow = settings.initialStreamWindowSize;
    for (let place = 0; place < streams.places; place++) {
      const stream = streams.at(place);
      if (stream !== undefined) stream.receiveWindow -= less;
    }
  }

  onHeaders(flags: number, streamId: number, bytes: Buffer, start: number, end: number): boolean {
    const connection = this.#connection;
    if (streamId === 0) return connection.fail(PROTOCOL_ERROR, "HEADERS on stream 0");
    this.#streamId = streamId;
    this.#endStream = (flags & FLAG_END_STREAM) !== 0;
    this.#dependsOnItself = false;
    let from = start;
    let to = end;
    if ((flags & FLAG_PADDED) !== 0) {
      if (from === to) return connection.fail(FRAME_SIZE_ERROR, "HEADERS without a pad length");
      to -= byteAt(bytes, from++);
    }
    if ((flags & FLAG_PRIORITY) !== 0) {
      if (end - from < PRIORITY_BYTES) {
        return connection.fail(FRAME_SIZE_ERROR, "HEADERS without a whole priority");
      }
      this.#dependsOnItself = dependency(bytes, from) === streamId;
      from += PRIORITY_BYTES;
    }
    if (to < from) return connection.fail(PROTOCOL_ERROR, "HEADERS of more padding than bytes");
    if (!connection.guard.frame(from === to && !this.#endStream)) return this.#failEmpty();
    if ((flags & FLAG_END_HEADERS) !== 0) return this.#onBlock(bytes, from, to);
    this.continued = streamId;
    this.#pieces.begin();
    return this.#addPiece(bytes, from, to);
  }

  onContinuation(flags: number, bytes: Buffer, start: number, end: number): boolean {
    if (!this.#connection.guard.frame(start === end)) return this.#failEmpty();
    if (!this.#addPiece(bytes, start, end)) return false;
    if ((flags & FLAG_END_HEADERS) === 0) return true;
    this.continued = 0;
    const goesOn = this.#onBlock(this.#pieces.bytes, 0, this.#pieces.length);
    this.#pieces.free();
    return goesOn;
  }

  #addPiece(bytes: Buffer, start: number, end: number): boolean {
    if (this.#pieces.add(bytes, start, end)) return true;
    return this.#connection.fail(ENHANCE_YOUR_CALM, "a header block is too large to be read");
  }

  #failEmpty(): false {
    return this.#connection.fail(ENHANCE_YOUR_CALM, FLOOD.emptyFrames);
  }

  /** A header block is whole: whose is it? */
  #onBlock(bytes: Buffer, start: number, end: number): boolean {
    const connection = this.#connection;
    const stream = connection.streams.get(this.#streamId);
    if (stream !== undefined) return this.#onStreamBlock(stream, bytes, start, end);
    if (!connection.isIdle(this.#streamId)) return this.#onClosedBlock(bytes, start, end);
    if (connection.role === "client" || (this.#streamId & 1) === 0) {
      return connection.fail(PROTOCOL_ERROR, "HEADERS on a stream that the peer may not open");
    }
    return this.#onNewStream(bytes, start, end);
  }

  #onNewStream(bytes: Buffer, start: number, end: number): boolean {
    const connection = this.#connection;
    connection.peerId = this.#streamId;
    if (this.#streamId > connection.peerIdMax) return this.#discard(bytes, start, end);
    const stream = connection.accept(this.#streamId);
    if (stream === undefined) {
      return this.#discard(bytes, start, end) && connection.provokedReset();
    }
    stream.headBytes = FRAME_HEADER_BYTES + end - start;
    const message = stream.owner.message as Http2Request;
    this.#block.begin(message.headers);
    if (!this.#decode(bytes, start, end)) return false;
    const code = this.#judgeRequest(stream, message);
    if (code !== NO_ERROR) return connection.reject(stream, code);
    return this.#passHead(stream);
  }

  #judgeRequest(stream: Stream, message: Http2Request): ErrorCode {
    const code = this.#verdict();
    if (code !== NO_ERROR) return code;
    const { enableConnectProtocol } = this.#connection.settings;
    if (!message.take(this.#block, this.#endStream, enableConnectProtocol)) return PROTOCOL_ERROR;
    stream.headReceived = true;
    stream.bodyLeft = message.contentLength;
    return this.#endStream && message.contentLength > 0 ? PROTOCOL_ERROR : NO_ERROR;
  }

  /** A block for an open stream: a response's head, or trailers. */
  #onStreamBlock(stream: Stream, bytes: Buffer, start: number, end: number): boolean {
    if (stream.state === "halfClosedRemote") {
      if (!this.#discard(bytes, start, end)) return false;
      return this.#connection.reject(stream, STREAM_CLOSED);
    }
    return stream.headReceived
      ? this.#onTrailers(stream, bytes, start, end)
      : this.#onResponse(stream, bytes, start, end);
  }

  #onResponse(stream: Stream, bytes: Buffer, start: number, end: number): boolean {
    const message = stream.owner.message as Http2Response;
    this.#block.begin(message.headers);
    if (!this.#decode(bytes, start, end)) return false;
    const code = this.#judgeResponse(stream, message);
    if (code !== NO_ERROR) return this.#connection.reject(stream, code);
    return this.#passHead(stream);
  }

  #judgeResponse(stream: Stream, message: Http2Response): ErrorCode {
    const code = this.#verdict();
    if (code !== NO_ERROR) return code;
    const { kind } = stream;
    if (!message.take(this.#block, this.#endStream, kind)) return PROTOCOL_ERROR;
    if (message.interim) return NO_ERROR;
    stream.headReceived = true;
    stream.bodyLeft = message.bodiless(kind) ? 0 : message.contentLength;
    return this.#endStream && stream.bodyLeft > 0 ? PROTOCOL_ERROR : NO_ERROR;
  }

  #onTrailers(stream: Stream, bytes: Buffer, start: number, end: number): boolean {
    const connection = this.#connection;
    const block = this.#block;
    if (this.#trailers === NO_TRAILERS) this.#trailers = new HeaderTable();
    block.begin(this.#trailers);
    if (!this.#decode(bytes, start, end)) return false;
    let code = this.#verdict();
    // What frames or routes a message may not come behind it (RFC 9110 section 6.5.1).
    const misplaced = block.seen !== 0 || block.hasHost || block.contentLength >= 0;
    const early = !this.#endStream || stream.bodyLeft > 0;
    if (code === NO_ERROR && (misplaced || early)) code = PROTOCOL_ERROR;
    if (code !== NO_ERROR) return connection.reject(stream, code);
    const { id } = stream;
    stream.owner.onTrailers(this.#trailers);
    if (stream.id === id) stream.receiveEnd();
    return !connection.isOver;
  }

  #passHead(stream: Stream): boolean {
    const { id } = stream;
    const endStream = this.#endStream;
    stream.owner.onHead(endStream);
    if (endStream && stream.id === id) stream.receiveEnd();
    return !this.#connection.isOver;
  }

  /** What is sent before the peer hears of our reset is not its fault. */
  #onClosedBlock(bytes: Buffer, start: number, end: number): boolean {
    const connection = this.#connection;
    const ending = connection.closedStreams.endingOf(this.#streamId);
    if (ending === "ended") {
      return connection.fail(STREAM_CLOSED, "HEADERS on a stream that has ended");
    }
    if (ending === "aborted") {
      if (!this.#discard(bytes, start, end)) return false;
      return connection.rejectClosed(this.#streamId, STREAM_CLOSED);
    }
    const ours = connection.role === "client" || this.#streamId > connection.peerIdMax;
    if (ending === "reset" || ours) return this.#discard(bytes, start, end);
    return connection.fail(PROTOCOL_ERROR, "HEADERS on a stream below one that was opened");
  }

  #discard(bytes: Buffer, start: number, end: number): boolean {
    this.#block.beginDiscarded();
    return this.#decode(bytes, start, end);
  }

  #decode(bytes: Buffer, start: number, end: number): boolean {
    const violation = this.#decoder.decode(bytes, start, end, this.#block);
    if (violation === "none") return true;
    return this.#connection.fail(COMPRESSION_ERROR, `HPACK: ${violation}`);
  }

  #verdict(): ErrorCode {
    if (this.#dependsOnItself || this.#block.verdict === "malformed") return PROTOCOL_ERROR;
    return this.#block.verdict === "tooLarge" ? ENHANCE_YOUR_CALM : NO_ERROR;
  }
}

function dependency(bytes: Buffer, at: number): number {
  const high = ((byteAt(bytes, at) & 0x7f) << 8) | byteAt(bytes, at + 1);
  return (high << 16) | (byteAt(bytes, at + 2) << 8) | byteAt(bytes, at + 3);
}
