// hot path: no allocation per request

import {
  byteAt,
  COLON,
  CR,
  FIELD_VALUE,
  HEX_PLUS_ONE,
  LF,
  SEMICOLON,
  TOKEN_LOWER,
} from "../http/grammar/character.ts";
import type { HeaderTable } from "../http/header-table.ts";
import type { BodyKind } from "../http/message.ts";
import { TrailerFields } from "./trailer-fields.ts";
import type { Violation } from "./violation.ts";

const DOUBLE_QUOTE = 0x22;
const BACKSLASH = 0x5c;
const EQUALS = 0x3d;
const CHUNK_DIGITS_MAX = 16;
/** Extensions may be this long, plus as long as the data so far: a flood of them is refused. */
const EXTENSION_BYTES_FREE = 4096;
const TRAILER_BYTES_MAX = 60 * 1024;

/**
 * ```
 *   size -> sizeEnd -> data -> dataEnd -> dataLf -> size ...            (RFC 9112 section 7.1)
 *     |  \  extension ^ ("name" "value" "quoted" "escaped" "afterQuote")
 *     | size 0
 *     +--> trailerStart -> trailerName -> trailerValue -> trailerLf -> trailerStart ...
 *                |  CR
 *                +--> lastLf -> done
 * ```
 */
type ChunkState =
  | "size"
  | "sizeLf"
  | "extName"
  | "extValueStart"
  | "extValue"
  | "extQuoted"
  | "extEscaped"
  | "extAfterQuote"
  | "data"
  | "dataCr"
  | "dataLf"
  | "trailerStart"
  | "trailerName"
  | "trailerValue"
  | "trailerLf"
  | "lastLf";

/**
 * Finds the payload inside a message's body. Framing and extensions stay behind: they are checked
 * and dropped, never forwarded; so are trailers, unless they are wanted.
 *
 * `next` returns where it stopped; between `dataStart` and `dataEnd` lies payload.
 */
export class BodyDecoder {
  done = true;
  violation: Violation = "none";
  dataStart = 0;
  dataEnd = 0;
  #kind: BodyKind = "none";
  /** Bytes of payload that the body, or the current chunk, still holds. */
  #left = 0;
  #chunk: ChunkState = "size";
  #digits = 0;
  /** The extension's name or value has at least one character. */
  #tokenSeen = false;
  #extensionBytes = 0;
  #dataBytes = 0;
  #trailerBytes = 0;
  /** Undefined: they are dropped. */
  readonly #trailers: TrailerFields | undefined;

  constructor(wantsTrailers = false) {
    if (wantsTrailers) this.#trailers = new TrailerFields();
  }

  /** Once `done`: the fields behind the body; undefined where there are none, or none wanted. */
  get trailers(): HeaderTable | undefined {
    const headers = this.#trailers?.headers;
    return headers !== undefined && headers.count > 0 ? headers : undefined;
  }

  begin(kind: BodyKind, contentLength: number): void {
    this.#kind = kind;
    this.#left = kind === "length" ? contentLength : 0;
    this.done = kind === "none";
    this.violation = "none";
    this.dataStart = 0;
    this.dataEnd = 0;
    this.#chunk = "size";
    this.#digits = 0;
    this.#extensionBytes = 0;
    this.#dataBytes = 0;
    this.#trailerBytes = 0;
    this.#trailers?.reset();
  }

  next(bytes: Buffer, start: number, end: number): number {
    this.dataStart = start;
    this.dataEnd = start;
    if (this.done) return start;
    if (this.#kind === "chunked") return this.#nextChunk(bytes, start, end);
    const stop = this.#kind === "length" ? Math.min(end, start + this.#left) : end;
    this.dataEnd = stop;
    if (this.#kind === "length") {
      this.#left -= stop - start;
      this.done = this.#left === 0;
    }
    return stop;
  }

  /** The connection has ended: that ends a close-delimited body, and truncates any other. */
  end(): void {
    if (this.done) return;
    if (this.#kind === "untilClose") this.done = true;
    else this.violation = "truncated";
  }

  #nextChunk(bytes: Buffer, start: number, end: number): number {
    let i = start;
    while (i < end) {
      if (this.#chunk === "data") {
        const stop = Math.min(end, i + this.#left);
        this.dataStart = i;
        this.dataEnd = stop;
        this.#dataBytes += stop - i;
        this.#left -= stop - i;
        if (this.#left === 0) this.#chunk = "dataCr";
        return stop;
      }
      const violation = this.#step(byteAt(bytes, i));
      if (violation !== "none") {
        this.violation = violation;
        this.dataStart = i;
        this.dataEnd = i;
        return i;
      }
      i++;
      if (this.done) break;
    }
    this.dataStart = i;
    this.dataEnd = i;
    return i;
  }

  #step(byte: number): Violation {
    switch (this.#chunk) {
      case "size":
        return this.#size(byte);
      case "sizeLf":
        return this.#sizeLf(byte);
      case "dataCr":
        return this.#want(byte, CR, "dataLf", "badChunkEnd");
      case "dataLf":
        this.#digits = 0;
        this.#left = 0;
        return this.#want(byte, LF, "size", "badChunkEnd");
      case "trailerStart":
      case "trailerName":
      case "trailerValue":
      case "trailerLf":
        return this.#trailer(byte);
      case "lastLf":
        this.done = byte === LF;
        return this.done ? "none" : "badTrailer";
      default:
        return this.#extension(byte);
    }
  }

  #want(byte: number, wanted: number, then: ChunkState, otherwise: Violation): Violation {
    if (byte !== wanted) return otherwise;
    this.#chunk = then;
    return "none";
  }

  #size(byte: number): Violation {
    const digit = byteAt(HEX_PLUS_ONE, byte);
    if (digit > 0) {
      this.#left = this.#left * 16 + digit - 1;
      const fits = ++this.#digits <= CHUNK_DIGITS_MAX && this.#left <= Number.MAX_SAFE_INTEGER;
      return fits ? "none" : "badChunkSize";
    }
    if (this.#digits === 0) return "badChunkSize";
    if (byte === CR) return this.#want(byte, CR, "sizeLf", "badChunkSize");
    this.#tokenSeen = false;
    return this.#want(byte, SEMICOLON, "extName", "badChunkSize");
  }

  #sizeLf(byte: number): Violation {
    const then = this.#left === 0 ? "trailerStart" : "data";
    return this.#want(byte, LF, then, "badChunkSize");
  }

  /** `;name`, `;name=token`, `;name="quoted"`: nothing else, no blanks (RFC 9112 section 7.1.1). */
  #extension(byte: number): Violation {
    this.#extensionBytes++;
    if (this.#extensionBytes > EXTENSION_BYTES_FREE + this.#dataBytes) {
      return "chunkExtensionTooLarge";
    }
    if (this.#chunk === "extQuoted") return this.#quoted(byte);
    if (this.#chunk === "extEscaped") {
      this.#chunk = "extQuoted";
      return byteAt(FIELD_VALUE, byte) === 1 ? "none" : "badChunkExtension";
    }
    if (byteAt(TOKEN_LOWER, byte) !== 0 && this.#chunk !== "extAfterQuote") {
      if (this.#chunk === "extValueStart") this.#chunk = "extValue";
      this.#tokenSeen = true;
      return "none";
    }
    if (this.#chunk === "extValueStart") {
      this.#tokenSeen = true;
      return this.#want(byte, DOUBLE_QUOTE, "extQuoted", "badChunkExtension");
    }
    return this.#extensionEnd(byte);
  }

  #extensionEnd(byte: number): Violation {
    if (!this.#tokenSeen) return "badChunkExtension";
    if (byte === CR) return this.#want(byte, CR, "sizeLf", "badChunkExtension");
    this.#tokenSeen = false;
    if (byte === EQUALS && this.#chunk === "extName") {
      return this.#want(byte, EQUALS, "extValueStart", "badChunkExtension");
    }
    return this.#want(byte, SEMICOLON, "extName", "badChunkExtension");
  }

  #quoted(byte: number): Violation {
    if (byte === DOUBLE_QUOTE) this.#chunk = "extAfterQuote";
    else if (byte === BACKSLASH) this.#chunk = "extEscaped";
    else if (byteAt(FIELD_VALUE, byte) !== 1) return "badChunkExtension";
    return "none";
  }

  /** Trailers are held to the rules of fields: `name: value` CR LF. */
  #trailer(byte: number): Violation {
    if (++this.#trailerBytes > TRAILER_BYTES_MAX) return "trailersTooLarge";
    switch (this.#chunk) {
      case "trailerStart":
        if (byte === CR) return this.#want(byte, CR, "lastLf", "badTrailer");
        this.#chunk = "trailerName";
        return this.#trailerName(byte);
      case "trailerName":
        if (byte !== COLON) return this.#trailerName(byte);
        return this.#want(byte, COLON, "trailerValue", "badTrailer");
      case "trailerValue":
        if (byteAt(FIELD_VALUE, byte) === 1) {
          this.#trailers?.valueByte(byte);
          return "none";
        }
        return this.#want(byte, CR, "trailerLf", "badTrailer");
      default:
        if (byte === LF && this.#trailers?.endLine() === false) return "trailersTooLarge";
        return this.#want(byte, LF, "trailerStart", "badTrailer");
    }
  }

  #trailerName(byte: number): Violation {
    if (byteAt(TOKEN_LOWER, byte) === 0) return "badTrailer";
    this.#trailers?.nameByte(byte);
    return "none";
  }
}
