// hot path: no allocation per request

import { HpackEncoder } from "../../hpack/encoder.ts";
import { AUTHORITY, METHOD, PATH, PROTOCOL, SCHEME, STATUS } from "../../hpack/field-id.ts";
import { headerFlags, ID } from "../../http/header-name.ts";
import type { HeaderTable } from "../../http/header-table.ts";
import {
  CONTINUATION,
  FLAG_END_HEADERS,
  FLAG_END_STREAM,
  FRAME_HEADER_BYTES,
  HEADERS,
} from "../frame/frame-type.ts";
import { type FrameWriter, writeHeader } from "../frame/frame-writer.ts";
import { FRAME_BYTES_MAX } from "../settings.ts";
import type { Stream } from "../stream.ts";

const STATUS_TEXTS: readonly string[] = Array.from({ length: 1000 }, (_, code) => `${code}`);

/** 1 for names that have no place in HTTP/2 (RFC 9113 section 8.2.2), and `host`: `:authority`. */
const LEFT_OUT: Uint8Array = headerFlags([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "host",
]);

/** Writes heads and trailers: HEADERS and CONTINUATION frames (RFC 9113 section 4.3). */
export class HeadWriter {
  readonly encoder: HpackEncoder = new HpackEncoder();
  readonly #writer: FrameWriter;
  readonly #verbatim: boolean;
  /** Where the HEADERS frame begins. */
  #at = 0;

  constructor(writer: FrameWriter, verbatim: boolean) {
    this.#writer = writer;
    this.#verbatim = verbatim;
  }

  /** Begins a request or, with `protocol`, an extended CONNECT (RFC 8441). */
  startRequest(method: string, authority: string): void {
    this.#start();
    const { output } = this.#writer;
    this.encoder.field(output, METHOD, ":method", method);
    if (authority !== "") this.encoder.field(output, AUTHORITY, ":authority", authority);
  }

  /** What only a plain CONNECT has none of. */
  target(scheme: string, path: string): void {
    const { output } = this.#writer;
    this.encoder.field(output, SCHEME, ":scheme", scheme);
    this.encoder.field(output, PATH, ":path", path);
  }

  protocol(protocol: string): void {
    this.encoder.field(this.#writer.output, PROTOCOL, ":protocol", protocol);
  }

  startResponse(status: number): void {
    this.#start();
    const text = STATUS_TEXTS[status] as string;
    this.encoder.field(this.#writer.output, STATUS, ":status", text);
  }

  startTrailers(): void {
    this.#start();
  }

  /** Writes the fields and ends the block; returns the bytes of all its frames. */
  finish(stream: Stream, headers: HeaderTable, endStream: boolean): number {
    const { output } = this.#writer;
    for (let i = 0; i < headers.count; i++) {
      if (!headers.removedAt(i)) this.#field(headers, i);
    }
    const at = this.#at;
    const length = output.position - at - FRAME_HEADER_BYTES;
    const flags = endStream ? FLAG_END_STREAM : 0;
    if (!this.#verbatim) stream.wroteFrame(at, output.flushes);
    if (length > FRAME_BYTES_MAX) this.#split(stream.id, length, flags);
    else writeHeader(output.buffer, at, length, HEADERS, flags | FLAG_END_HEADERS, stream.id);
    this.#writer.announce();
    return output.position - at;
  }

  #start(): void {
    const { output } = this.#writer;
    output.room(FRAME_HEADER_BYTES);
    this.#at = output.position;
    output.position += FRAME_HEADER_BYTES;
    this.encoder.startBlock(output);
  }

  #field(headers: HeaderTable, index: number): void {
    const id = headers.id(index);
    const value = headers.value(index);
    if (LEFT_OUT[id] === 1 || (id === ID.te && value !== "trailers")) return;
    const { output } = this.#writer;
    if (headers.secretAt(index)) this.encoder.secretField(output, id, headers.name(index), value);
    else this.encoder.field(output, id, headers.name(index), value);
  }

  /** A block larger than one frame: the rest moves back, to make room for CONTINUATION headers. */
  #split(streamId: number, length: number, flags: number): void {
    const { output } = this.#writer;
    const more = Math.ceil(length / FRAME_BYTES_MAX) - 1;
    output.room(more * FRAME_HEADER_BYTES);
    const { buffer } = output;
    const block = this.#at + FRAME_HEADER_BYTES;
    const end = block + length;
    for (let i = more; i > 0; i--) {
      const from = block + i * FRAME_BYTES_MAX;
      const to = from + i * FRAME_HEADER_BYTES;
      const size = Math.min(end - from, FRAME_BYTES_MAX);
      buffer.copyWithin(to, from, from + size);
      const last = i === more ? FLAG_END_HEADERS : 0;
      writeHeader(buffer, to - FRAME_HEADER_BYTES, size, CONTINUATION, last, streamId);
    }
    writeHeader(buffer, this.#at, FRAME_BYTES_MAX, HEADERS, flags, streamId);
    output.position += more * FRAME_HEADER_BYTES;
  }
}
