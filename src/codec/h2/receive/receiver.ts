// hot path: no allocation per request
import { byteAt } from "../../http/grammar/character.ts";
import type { Connection } from "../connection.ts";
import {
  ENHANCE_YOUR_CALM,
  type ErrorCode,
  FLOW_CONTROL_ERROR,
  FRAME_SIZE_ERROR,
  NO_ERROR,
  PROTOCOL_ERROR,
  REFUSED_STREAM,
} from "../error-code.ts";
import type { FrameSink } from "../frame/frame-reader.ts";
import {
  CONTINUATION,
  FLAG_ACK,
  GOAWAY,
  HEADERS,
  PING,
  PRIORITY,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from "../frame/frame-type.ts";
import { FRAME_BYTES_MAX } from "../settings.ts";
import { DataReceiver } from "./data-receiver.ts";
import { FLOOD } from "./flood-guard.ts";
import { HeadReceiver } from "./head-receiver.ts";
import { PeerSettings } from "./peer-settings.ts";

/** What our PINGs hold, to tell which one is answered. */
export const PING_ALIVE = 0x616c_6976;
export const PING_DRAINED = 0x6472_616e;

/** Acts on the peer's frames (RFC 9113 section 6). False ends the reading: the session is over. */
export class Receiver implements FrameSink {
  readonly peer: PeerSettings;
  readonly #connection: Connection;
  readonly #heads: HeadReceiver;
  readonly #data: DataReceiver;
  #settingsSeen = false;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.peer = new PeerSettings(connection);
    this.#heads = new HeadReceiver(connection);
    this.#data = new DataReceiver(connection);
  }

  onBadPreface(): boolean {
    return this.#connection.fail(PROTOCOL_ERROR, "the client's preface is not HTTP/2's");
  }

  onFrameHeader(type: number, _flags: number, streamId: number, length: number): boolean {
    if (!this.#isInOrder(type, streamId)) return false;
    if (length <= FRAME_BYTES_MAX) return true;
    return this.#connection.fail(FRAME_SIZE_ERROR, "a frame is larger than MAX_FRAME_SIZE");
  }

  onFrame(
    type: number,
    flags: number,
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): boolean {
    switch (type) {
      case HEADERS:
        return this.#heads.onHeaders(flags, streamId, bytes, start, end);
      case CONTINUATION:
        return this.#heads.onContinuation(flags, bytes, start, end);
      case WINDOW_UPDATE:
        return this.#onWindowUpdate(streamId, bytes, start, end);
      case RST_STREAM:
        return this.#onReset(streamId, bytes, start, end);
      case SETTINGS:
        return this.#onSettings(flags, streamId, bytes, start, end);
      case PING:
        return this.#onPing(flags, streamId, bytes, start, end);
      case GOAWAY:
        return this.#onGoAway(streamId, bytes, start, end);
      case PRIORITY:
        return this.#onPriority(streamId, bytes, start, end);
      default:
        // All that is left: ENABLE_PUSH is 0, and a client never pushes.
        return this.#connection.fail(PROTOCOL_ERROR, "PUSH_PROMISE although push is refused");
    }
  }

  onDataStart(flags: number, streamId: number, length: number, padding: number): boolean {
    return this.#isInOrder(0, streamId) && this.#data.start(flags, streamId, length, padding);
  }

  onDataPiece(bytes: Buffer, start: number, end: number): boolean {
    return this.#data.piece(bytes, start, end);
  }

  /** The stream of a header block that has begun and is not whole; or 0. */
  get continued(): number {
    return this.#heads.continued;
  }

  onDataEnd(): boolean {
    return this.#data.end();
  }

  /** SETTINGS come first, and nothing comes between the frames of a header block. */
  #isInOrder(type: number, streamId: number): boolean {
    const connection = this.#connection;
    if (!this.#settingsSeen) {
      if (type !== SETTINGS) return connection.fail(PROTOCOL_ERROR, "the first frame is another");
      return true;
    }
    const { continued } = this.#heads;
    if (continued === 0 && type !== CONTINUATION) return true;
    if (type === CONTINUATION && streamId === continued && continued !== 0) return true;
    return connection.fail(PROTOCOL_ERROR, "a header block is broken off, or CONTINUATION alone");
  }

  /** Section 6.9; an increment of 0 is the stream's own fault, where it is one. */
  #onWindowUpdate(streamId: number, bytes: Buffer, start: number, end: number): boolean {
    const connection = this.#connection;
    const { sender, guard } = connection;
    if (end - start !== 4) return this.#failSize("WINDOW_UPDATE");
    if (!guard.windowUpdate(sender.dataFrames)) {
      return connection.fail(ENHANCE_YOUR_CALM, FLOOD.windowUpdates);
    }
    const bytesMore = uint32(bytes, start) & 0x7fff_ffff;
    if (streamId === 0) {
      if (bytesMore === 0) return connection.fail(PROTOCOL_ERROR, "WINDOW_UPDATE by 0");
      if (!sender.widen(bytesMore)) {
        return connection.fail(FLOW_CONTROL_ERROR, "the connection's window grows too large");
      }
    } else {
      const stream = connection.streams.get(streamId);
      if (stream === undefined) return this.#isNotIdle(streamId, "WINDOW_UPDATE");
      if (bytesMore === 0) return connection.reject(stream, PROTOCOL_ERROR);
      if (!stream.widen(bytesMore)) return connection.reject(stream, FLOW_CONTROL_ERROR);
    }
    sender.pump();
    return !connection.isOver;
  }

  #onReset(streamId: number, bytes: Buffer, start: number, end: number): boolean {
    const connection = this.#connection;
    if (end - start !== 4) return this.#failSize("RST_STREAM");
    const stream = connection.streams.get(streamId);
    if (stream === undefined) return this.#isNotIdle(streamId, "RST_STREAM");
    const goOn = connection.resetByPeer(stream, uint32(bytes, start));
    return goOn && !connection.isOver;
  }

  /** Checked, not acted on: RFC 9113 section 5.3 has given priorities up. */
  #onPriority(streamId: number, bytes: Buffer, start: number, end: number): boolean {
    const connection = this.#connection;
    if (streamId === 0) return connection.fail(PROTOCOL_ERROR, "PRIORITY on stream 0");
    if (!connection.guard.priority()) {
      return connection.fail(ENHANCE_YOUR_CALM, FLOOD.priority);
    }
    let code: ErrorCode = NO_ERROR;
    if (end - start !== 5) code = FRAME_SIZE_ERROR;
    else if ((uint32(bytes, start) & 0x7fff_ffff) === streamId) code = PROTOCOL_ERROR;
    if (code === NO_ERROR) return true;
    const stream = connection.streams.get(streamId);
    if (stream !== undefined) return connection.reject(stream, code);
    // An idle stream cannot be reset (section 6.4).
    if (connection.isIdle(streamId)) return connection.fail(code, "a PRIORITY frame is malformed");
    return connection.rejectClosed(streamId, code);
  }

  #onSettings(flags: number, streamId: number, bytes: Buffer, start: number, end: number): boolean {
    const connection = this.#connection;
    if (streamId !== 0) return connection.fail(PROTOCOL_ERROR, "SETTINGS on a stream");
    if ((flags & FLAG_ACK) === 0) {
      this.#settingsSeen = true;
      return this.peer.take(bytes, start, end);
    }
    if (end !== start) return this.#failSize("SETTINGS");
    if (!this.#settingsSeen) return connection.fail(PROTOCOL_ERROR, "the first frame is another");
    this.#heads.settingsAcknowledged();
    return true;
  }

  #onPing(flags: number, streamId: number, bytes: Buffer, start: number, end: number): boolean {
    const connection = this.#connection;
    const { writer, owner } = connection;
    if (streamId !== 0) return connection.fail(PROTOCOL_ERROR, "PING on a stream");
    if (end - start !== 8) return this.#failSize("PING");
    const high = uint32(bytes, start);
    const low = uint32(bytes, start + 4);
    if ((flags & FLAG_ACK) === 0) {
      writer.pingAck(high, low);
      return connection.checkControlFrames();
    }
    if (low !== 0) return true;
    if (high === PING_ALIVE) owner.onPong();
    else if (high === PING_DRAINED) {
      connection.goAway(NO_ERROR);
      connection.drained = true;
      owner.onPong();
    }
    return !connection.isOver;
  }

  /** The peer takes no further streams; those above its last one were surely not processed. */
  #onGoAway(streamId: number, bytes: Buffer, start: number, end: number): boolean {
    const connection = this.#connection;
    if (streamId !== 0) return connection.fail(PROTOCOL_ERROR, "GOAWAY on a stream");
    if (end - start < 8) return this.#failSize("GOAWAY");
    const lastStreamId = uint32(bytes, start) & 0x7fff_ffff;
    const code = uint32(bytes, start + 4);
    if (connection.role === "client") {
      connection.state = "draining";
      connection.abortAbove(lastStreamId, REFUSED_STREAM, true);
    }
    connection.owner.onGoAway(lastStreamId, code);
    return !connection.isOver;
  }

  /** What comes for a closed stream comes too late, and for an idle one too early. */
  #isNotIdle(streamId: number, frame: string): boolean {
    const connection = this.#connection;
    if (!connection.isIdle(streamId)) return true;
    return connection.fail(PROTOCOL_ERROR, `${frame} on a stream that nobody has opened`);
  }

  #failSize(frame: string): false {
    return this.#connection.fail(FRAME_SIZE_ERROR, `a ${frame} frame of a wrong size`);
  }
}

export function uint32(bytes: Buffer, at: number): number {
  const high = (byteAt(bytes, at) << 8) | byteAt(bytes, at + 1);
  const low = (byteAt(bytes, at + 2) << 8) | byteAt(bytes, at + 3);
  return high * 0x1_0000 + low;
}
