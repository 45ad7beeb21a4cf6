import type { HeaderTable } from "../http/header-table.ts";
import { frameOf, TRAILERS_FLAG } from "./frame-reader.ts";

/** Four characters of base64 stand for three bytes. */
const GROUP_CHARS = 4;
const GROUP_BYTES = 3;

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Trailers as gRPC-Web carries them, at the end of the body (doc/PROTOCOL-WEB.md). */
export function trailersFrame(trailers: HeaderTable): Buffer {
  let text = "";
  for (let i = 0; i < trailers.count; i++) {
    if (!trailers.removedAt(i)) text += `${trailers.name(i)}:${trailers.value(i)}\r\n`;
  }
  return frameOf(Buffer.from(text, "latin1"), TRAILERS_FLAG);
}

/**
 * Base64 that comes in pieces cut anywhere. Padding may stand inside the body: clients encode
 * message by message.
 */
export class Base64Decoder {
  #rest = "";

  reset(): void {
    this.#rest = "";
  }

  /** True where no half group waits. */
  get complete(): boolean {
    return this.#rest === "";
  }

  /** The bytes of the groups that are whole; undefined where it is no base64. */
  decode(bytes: Buffer, start: number, end: number): Buffer | undefined {
    const text = this.#rest + bytes.toString("latin1", start, end);
    const whole = text.length - (text.length % GROUP_CHARS);
    this.#rest = text.slice(whole);
    return decodeGroups(text.slice(0, whole));
  }
}

/** Padded runs stand one after the other: each ends where a group is padded. */
function decodeGroups(text: string): Buffer | undefined {
  const runs: Buffer[] = [];
  let from = 0;
  while (from < text.length) {
    const padding = text.indexOf("=", from);
    const to = padding < 0 ? text.length : padding - (padding % GROUP_CHARS) + GROUP_CHARS;
    const run = text.slice(from, to);
    if (!BASE64.test(run)) return undefined;
    runs.push(Buffer.from(run, "base64"));
    from = to;
  }
  return runs.length === 1 ? runs[0] : Buffer.concat(runs);
}

/** Bytes that come in pieces, as base64 whose groups are whole until the end. */
export class Base64Encoder {
  #rest: Buffer = Buffer.alloc(0);

  reset(): void {
    this.#rest = Buffer.alloc(0);
  }

  /** The text of all whole groups. */
  encode(bytes: Buffer, start: number, end: number): Buffer {
    const all = Buffer.concat([this.#rest, bytes.subarray(start, end)]);
    const whole = all.length - (all.length % GROUP_BYTES);
    this.#rest = all.subarray(whole);
    return Buffer.from(all.toString("base64", 0, whole), "latin1");
  }

  /** The last group, padded; empty where none is begun. */
  finish(): Buffer {
    const text = this.#rest.toString("base64");
    this.reset();
    return Buffer.from(text, "latin1");
  }
}
