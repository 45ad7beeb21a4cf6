// hot path: no allocation per request
import type { Connection } from "../connection.ts";
import {
  ENHANCE_YOUR_CALM,
  type ErrorCode,
  FLOW_CONTROL_ERROR,
  FRAME_SIZE_ERROR,
  NO_ERROR,
  PROTOCOL_ERROR,
  STREAM_CLOSED,
} from "../error-code.ts";
import { FLAG_END_STREAM } from "../frame/frame-type.ts";
import { FRAME_BYTES_MAX } from "../settings.ts";
import type { Stream } from "../stream.ts";
import { FLOOD } from "./flood-guard.ts";

/**
 * Takes DATA frames (RFC 9113 section 6.1). All of a frame is judged as it begins, so that no cut
 * of it changes anything.
 */
export class DataReceiver {
  readonly #connection: Connection;
  /** Whose data comes; gone as soon as its id is another than that of the frame. */
  #stream: Stream | undefined;
  #streamId = 0;
  #length = 0;
  #endStream = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  start(flags: number, streamId: number, length: number, padding: number): boolean {
    const connection = this.#connection;
    this.#length = length;
    this.#streamId = streamId;
    this.#endStream = (flags & FLAG_END_STREAM) !== 0;
    this.#stream = undefined;
    if (connection.isIdle(streamId)) {
      return connection.fail(PROTOCOL_ERROR, "DATA on a stream that nobody has opened");
    }
    if (padding > length) return this.#failPadding();
    if (!connection.receiveWindow.take(length)) {
      return connection.fail(FLOW_CONTROL_ERROR, "DATA beyond the connection's window");
    }
    if (!connection.guard.frame(length === padding && !this.#endStream)) {
      return connection.fail(ENHANCE_YOUR_CALM, FLOOD.emptyFrames);
    }
    const stream = connection.streams.get(streamId);
    if (stream === undefined) return this.#startClosed();
    const code = this.#judge(stream, padding);
    if (code !== NO_ERROR) return connection.reject(stream, code);
    this.#stream = stream;
    return true;
  }

  piece(bytes: Buffer, start: number, end: number): boolean {
    const stream = this.#stream;
    if (stream !== undefined && stream.id === this.#streamId)
      stream.owner.onData(bytes, start, end);
    return !this.#connection.isOver;
  }

  end(): boolean {
    const connection = this.#connection;
    const stream = this.#stream;
    if (stream !== undefined && stream.id === this.#streamId) {
      if (this.#endStream) stream.receiveEnd();
      else stream.tookData(this.#length);
    }
    if (connection.isOver) return false;
    connection.receiveWindow.giveBack(this.#length);
    return true;
  }

  #judge(stream: Stream, padding: number): ErrorCode {
    if (stream.state === "halfClosedRemote") return STREAM_CLOSED;
    const length = this.#length;
    if (length > FRAME_BYTES_MAX) return FRAME_SIZE_ERROR;
    return stream.takeData(length, length - padding, this.#endStream);
  }

  /** What a peer has sent before it heard of our reset is dropped; anything else is a mistake. */
  #startClosed(): boolean {
    const connection = this.#connection;
    const streamId = this.#streamId;
    if (streamId > connection.peerIdMax) return true;
    if (connection.closedStreams.endingOf(streamId) === "reset") return true;
    return connection.rejectClosed(streamId, STREAM_CLOSED);
  }

  #failPadding(): false {
    const code = this.#length === 0 ? FRAME_SIZE_ERROR : PROTOCOL_ERROR;
    return this.#connection.fail(code, "DATA has more padding than bytes");
  }
}
