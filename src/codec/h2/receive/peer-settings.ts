import type { Connection } from "../connection.ts";
import {
  type ErrorCode,
  FLOW_CONTROL_ERROR,
  FRAME_SIZE_ERROR,
  NO_ERROR,
  PROTOCOL_ERROR,
} from "../error-code.ts";
import {
  ENABLE_CONNECT_PROTOCOL,
  ENABLE_PUSH,
  FRAME_BYTES_LIMIT,
  FRAME_BYTES_MAX,
  HEADER_TABLE_SIZE,
  INITIAL_WINDOW_SIZE,
  MAX_CONCURRENT_STREAMS,
  MAX_FRAME_SIZE,
  WINDOW_MAX,
} from "../settings.ts";

const SETTING_BYTES = 6;

/** Obeys the peer's SETTINGS (RFC 9113 section 6.5.2, RFC 8441 section 3). */
export class PeerSettings {
  extendedConnect = false;
  readonly #connection: Connection;
  /** INITIAL_WINDOW_SIZE of the frame that is being read. */
  #initialWindow = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Takes a SETTINGS frame's payload, and acknowledges it. False: the session is over. */
  take(bytes: Buffer, start: number, end: number): boolean {
    const connection = this.#connection;
    if ((end - start) % SETTING_BYTES !== 0) {
      return connection.fail(FRAME_SIZE_ERROR, "a SETTINGS frame of a wrong size");
    }
    this.#initialWindow = connection.sender.initialWindow;
    for (let at = start; at < end; at += SETTING_BYTES) {
      const identifier = bytes.readUInt16BE(at);
      const code = this.#set(identifier, bytes.readUInt32BE(at + 2));
      if (code !== NO_ERROR) return connection.fail(code, `SETTINGS: bad value of ${identifier}`);
    }
    if (!this.#widenStreams()) {
      return connection.fail(FLOW_CONTROL_ERROR, "SETTINGS: a stream's window grows too large");
    }
    connection.writer.settingsAck();
    if (!connection.checkControlFrames()) return false;
    connection.owner.onPeerSettings();
    if (!connection.isOver) connection.sender.pump();
    return !connection.isOver;
  }

  /** Unknown settings are ignored, as are those that only advise. */
  #set(identifier: number, value: number): ErrorCode {
    const connection = this.#connection;
    switch (identifier) {
      case HEADER_TABLE_SIZE:
        connection.heads.encoder.setTableSizeMax(value);
        return NO_ERROR;
      case ENABLE_PUSH:
        // A server may not ask a client to take pushes from itself.
        return value > (connection.role === "server" ? 1 : 0) ? PROTOCOL_ERROR : NO_ERROR;
      case MAX_CONCURRENT_STREAMS:
        connection.concurrentMax = Math.min(value, connection.settings.maxConcurrentStreams);
        return NO_ERROR;
      case INITIAL_WINDOW_SIZE:
        this.#initialWindow = value;
        return value > WINDOW_MAX ? FLOW_CONTROL_ERROR : NO_ERROR;
      case MAX_FRAME_SIZE:
        return value < FRAME_BYTES_MAX || value > FRAME_BYTES_LIMIT ? PROTOCOL_ERROR : NO_ERROR;
      case ENABLE_CONNECT_PROTOCOL:
        return this.#setExtendedConnect(value);
      default:
        return NO_ERROR;
    }
  }

  /**
   * Holds for the open streams too, whose windows may fall below zero (section 6.9.2). Once for
   * a frame, as a frame can say it 2,730 times.
   */
  #widenStreams(): boolean {
    const { sender, streams } = this.#connection;
    const more = this.#initialWindow - sender.initialWindow;
    if (more === 0) return true;
    sender.initialWindow = this.#initialWindow;
    for (let place = 0; place < streams.places; place++) {
      const stream = streams.at(place);
      if (stream !== undefined && !stream.widen(more)) return false;
    }
    return true;
  }

  /** What was promised cannot be taken back. */
  #setExtendedConnect(value: number): ErrorCode {
    if (value > 1 || (value === 0 && this.extendedConnect)) return PROTOCOL_ERROR;
    this.extendedConnect = value === 1;
    return NO_ERROR;
  }
}
