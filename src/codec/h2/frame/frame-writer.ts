// hot path: no allocation per request
import { byteAt } from "../../http/grammar/character.ts";
import type { ErrorCode } from "../error-code.ts";
import type { Output } from "../output.ts";
import type { SessionOwner } from "../owner.ts";
import {
  FLAG_ACK,
  FLAG_END_STREAM,
  FRAME_HEADER_BYTES,
  GOAWAY,
  PING,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from "./frame-type.ts";

const SETTING_BYTES = 6;
const PING_BYTES = 8;

/** Writes frames straight into the output (RFC 9113 section 6). */
export class FrameWriter {
  readonly output: Output;
  /** Frames that the peer provokes (RST_STREAM and acknowledgements), as long as it reads none. */
  controlFrames = 0;
  readonly #owner: SessionOwner;
  #announced = -1;

  constructor(output: Output, owner: SessionOwner) {
    this.output = output;
    this.#owner = owner;
  }

  /** A frame's header; room for it was made. */
  header(length: number, type: number, flags: number, streamId: number): void {
    const { buffer, position } = this.output;
    writeHeader(buffer, position, length, type, flags, streamId);
    this.output.position = position + FRAME_HEADER_BYTES;
  }

  /** Something was written: the owner shall flush. */
  announce(): void {
    if (this.#announced === this.output.flushes) return;
    this.#announced = this.output.flushes;
    this.#owner.onOutput();
  }

  /** Sets END_STREAM on the HEADERS or DATA frame at `at`, which has not been flushed. */
  endStreamAt(at: number): void {
    const { buffer } = this.output;
    buffer[at + 4] = byteAt(buffer, at + 4) | FLAG_END_STREAM;
  }

  reset(streamId: number, code: ErrorCode): void {
    this.#open(4, RST_STREAM, 0, streamId);
    this.#uint32(code);
    this.#provoked();
  }

  windowUpdate(streamId: number, bytes: number): void {
    this.#open(4, WINDOW_UPDATE, 0, streamId);
    this.#uint32(bytes);
    this.announce();
  }

  /** `settings`: each an identifier and its value. */
  settings(settings: readonly (readonly [number, number])[]): void {
    this.#open(settings.length * SETTING_BYTES, SETTINGS, 0, 0);
    for (let i = 0; i < settings.length; i++) {
      const [identifier, value] = settings[i] as readonly [number, number];
      const { output } = this;
      output.buffer[output.position++] = identifier >>> 8;
      output.buffer[output.position++] = identifier & 0xff;
      this.#uint32(value);
    }
    this.announce();
  }

  settingsAck(): void {
    this.#open(0, SETTINGS, FLAG_ACK, 0);
    this.#provoked();
  }

  /** The eight opaque bytes as two numbers. */
  ping(high: number, low: number): void {
    this.#open(PING_BYTES, PING, 0, 0);
    this.#uint32(high);
    this.#uint32(low);
    this.announce();
  }

  pingAck(high: number, low: number): void {
    this.#open(PING_BYTES, PING, FLAG_ACK, 0);
    this.#uint32(high);
    this.#uint32(low);
    this.#provoked();
  }

  goAway(lastStreamId: number, code: ErrorCode): void {
    this.#open(8, GOAWAY, 0, 0);
    this.#uint32(lastStreamId);
    this.#uint32(code);
    this.announce();
  }

  /** Bytes as they are: the preface. */
  raw(bytes: Buffer): void {
    const { output } = this;
    output.room(bytes.length);
    output.position += bytes.copy(output.buffer, output.position);
    this.announce();
  }

  #open(length: number, type: number, flags: number, streamId: number): void {
    this.output.room(FRAME_HEADER_BYTES + length);
    if (this.output.unsent === 0) this.controlFrames = 0;
    this.header(length, type, flags, streamId);
  }

  #provoked(): void {
    this.controlFrames++;
    this.announce();
  }

  #uint32(value: number): void {
    const { buffer, position } = this.output;
    buffer[position] = value >>> 24;
    buffer[position + 1] = value >>> 16;
    buffer[position + 2] = value >>> 8;
    buffer[position + 3] = value;
    this.output.position = position + 4;
  }
}

/** A frame's header at `at`. */
export function writeHeader(
  buffer: Buffer,
  at: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  buffer[at] = length >>> 16;
  buffer[at + 1] = length >>> 8;
  buffer[at + 2] = length;
  buffer[at + 3] = type;
  buffer[at + 4] = flags;
  buffer[at + 5] = streamId >>> 24;
  buffer[at + 6] = streamId >>> 16;
  buffer[at + 7] = streamId >>> 8;
  buffer[at + 8] = streamId;
}
