/**
 * HTTP/2 frames as text, one line a frame, its header fields in indented lines below. What the
 * vectors under `test/vectors/h2` are written in; `server.md` there explains it.
 */
import { CONNECTION_LOST, type ErrorCode, errorCodeName } from "../../src/codec/h2/error-code.ts";
import { PREFACE } from "../../src/codec/h2/frame/frame-type.ts";
import { HpackDecoder } from "../../src/codec/hpack/decoder.ts";

const TYPES = [
  "DATA",
  "HEADERS",
  "PRIORITY",
  "RST_STREAM",
  "SETTINGS",
  "PUSH_PROMISE",
  "PING",
  "GOAWAY",
  "WINDOW_UPDATE",
  "CONTINUATION",
];
const SETTINGS: Readonly<Record<string, number>> = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
  ENABLE_CONNECT_PROTOCOL: 8,
};
const WORD = /"[^"]*"|\S+/g;
const REPEATED = /^(?<text>.*) \* (?<times>\d+)$/;

/** The bytes of all frames in the text. */
export function framesOf(text: string): Buffer {
  const entries = text.split(/\n(?! )/).filter((entry) => entry.trim() !== "");
  return Buffer.concat(entries.map(entryBytes));
}

function entryBytes(entry: string): Buffer {
  const [line = "", ...fields] = entry.split("\n");
  const { text, times } = REPEATED.exec(line)?.groups ?? { text: line, times: "1" };
  const bytes = frameBytes([...(text ?? "").matchAll(WORD)].map(String), fields);
  return Buffer.concat(Array.from({ length: Number(times) }, () => bytes));
}

function frameBytes(words: readonly string[], fields: readonly string[]): Buffer {
  const [name = "", ...rest] = words;
  const id = Number(rest[0] ?? 0);
  const end = rest.includes("END_STREAM") ? 1 : 0;
  switch (name) {
    case "PREFACE":
      return PREFACE;
    case "bytes":
      return Buffer.from(rest.join(""), "hex");
    case "FRAME":
      // FRAME type flags stream payload
      return frame(Number(rest[0]), Number(rest[1]), Number(rest[2]), hexOf(rest.slice(3)));
    case "DATA":
      return padded(0, end, id, contentOf(rest.at(-1) ?? ""), rest);
    case "HEADERS":
    case "CONTINUATION": {
      const flags = end | (rest.includes("MORE") ? 0 : 4);
      const block = fieldBlock(rest, fields);
      return name === "HEADERS" ? padded(1, flags, id, block, rest) : frame(9, flags, id, block);
    }
    case "PRIORITY":
      return frame(2, 0, id, priority(Number(rest[1])));
    case "RST_STREAM":
      return frame(3, 0, id, uint32(codeOf(rest[1])));
    case "SETTINGS":
      return frame(4, rest.includes("ACK") ? 1 : 0, 0, Buffer.concat(rest.map(setting)));
    case "PING":
      return frame(6, rest.includes("ACK") ? 1 : 0, 0, Buffer.from((rest[0] ?? "").slice(1, 9)));
    case "GOAWAY":
      return frame(7, 0, 0, Buffer.concat([uint32(id), uint32(codeOf(rest[1]))]));
    case "WINDOW_UPDATE":
      return frame(8, 0, id, uint32(Number(rest[1])));
    default:
      throw new Error(`no frame: ${words.join(" ")}`);
  }
}

export function frame(type: number, flags: number, id: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
}

/** PADDED=n and PRIORITY=stream stand before the payload. */
function padded(
  type: number,
  flags: number,
  id: number,
  payload: Buffer,
  words: readonly string[],
): Buffer {
  const padding = optionOf(words, "PADDED=");
  const parent = optionOf(words, "PRIORITY=");
  const parts = [payload];
  let set = flags;
  if (parent !== undefined) {
    set |= 0x20;
    parts.unshift(priority(parent));
  }
  if (padding !== undefined) {
    set |= 8;
    parts.unshift(Buffer.from([padding]));
    parts.push(Buffer.alloc(padding));
  }
  return frame(type, set, id, Buffer.concat(parts));
}

function optionOf(words: readonly string[], name: string): number | undefined {
  const word = words.find((candidate) => candidate.startsWith(name));
  return word === undefined ? undefined : Number(word.slice(name.length));
}

function contentOf(word: string): Buffer {
  if (word.startsWith('"')) return Buffer.from(word.slice(1, -1));
  return /^\d+x$/.test(word) ? Buffer.alloc(Number.parseInt(word, 10), "x") : Buffer.alloc(0);
}

/** Literals without indexing: what HPACK makes of them is tested elsewhere. `hex=…` as it is. */
function fieldBlock(words: readonly string[], lines: readonly string[]): Buffer {
  const hex = words.find((word) => word.startsWith("hex="));
  if (hex !== undefined) return Buffer.from(hex.slice(4), "hex");
  return Buffer.concat(
    lines.map((line) => {
      const [, name = "", value = ""] = /^ {2}(:?[^:]*): ?(.*)$/.exec(line) ?? [];
      const text = value.replaceAll(/\\x(..)/g, (_, code: string) =>
        String.fromCharCode(Number.parseInt(code, 16)),
      );
      return literal(
        name,
        text.replace(/^(.)\{(\d+)\}$/, (_, c: string, n) => c.repeat(Number(n))),
      );
    }),
  );
}

export function literal(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0]), string(name), string(value)]);
}

function string(text: string): Buffer {
  const length: number[] = [];
  if (text.length < 127) length.push(text.length);
  else {
    length.push(127);
    let rest = text.length - 127;
    for (; rest >= 128; rest >>>= 7) length.push((rest & 127) | 128);
    length.push(rest);
  }
  return Buffer.concat([Buffer.from(length), Buffer.from(text, "latin1")]);
}

function setting(word: string): Buffer {
  const [name = "", value] = word.split("=");
  if (value === undefined) return Buffer.alloc(0);
  const bytes = Buffer.alloc(6);
  bytes.writeUInt16BE(SETTINGS[name] ?? Number(name), 0);
  bytes.writeUInt32BE(Number(value), 2);
  return bytes;
}

function priority(parent: number): Buffer {
  return Buffer.concat([uint32(parent), Buffer.from([15])]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function hexOf(words: readonly string[]): Buffer {
  return Buffer.from(words.join(""), "hex");
}

function codeOf(name = ""): ErrorCode {
  for (let code = CONNECTION_LOST; code < 14; code++) if (errorCodeName(code) === name) return code;
  return Number(name);
}

/** Frames as text; one reader for each direction of a connection, as HPACK goes on. */
export class FrameText {
  readonly #decoder = new HpackDecoder();

  read(bytes: Buffer): string[] {
    const lines: string[] = [];
    for (let at = 0; at < bytes.length; ) {
      const length = bytes.readUIntBE(at, 3);
      const payload = bytes.subarray(at + 9, at + 9 + length);
      const id = bytes.readUInt32BE(at + 5);
      lines.push(...this.#frame(bytes[at + 3] ?? 0, bytes[at + 4] ?? 0, id, payload));
      at += 9 + length;
    }
    return lines;
  }

  #frame(type: number, flags: number, id: number, payload: Buffer): string[] {
    const name = TYPES[type] ?? `type ${type}`;
    const end = (flags & 1) !== 0 ? " END_STREAM" : "";
    const ack = (flags & 1) !== 0 ? " ACK" : "";
    switch (name) {
      case "HEADERS":
        return [`${name} ${id}${end}`, ...this.#fields(payload)];
      case "DATA":
        return [`${name} ${id}${end} ${contentText(payload)}`.trimEnd()];
      case "RST_STREAM":
        return [`${name} ${id} ${errorCodeName(payload.readUInt32BE(0))}`];
      case "GOAWAY":
        return [`${name} ${payload.readUInt32BE(0)} ${errorCodeName(payload.readUInt32BE(4))}`];
      case "WINDOW_UPDATE":
        return [`${name} ${id} ${payload.readUInt32BE(0)}`];
      case "SETTINGS":
        return [`${name}${ack}`];
      case "PING":
        return [`${name} "${payload.toString("latin1")}"${ack}`];
      default:
        return [`${name} ${id} ${payload.toString("hex")}`];
    }
  }

  #fields(block: Buffer): string[] {
    const lines: string[] = [];
    const sink = {
      field(_id: number, name: string, value: string): boolean {
        lines.push(`  ${name}: ${value}`);
        return true;
      },
    };
    const violation = this.#decoder.decode(block, 0, block.length, sink);
    return violation === "none" ? lines : [violation];
  }
}

function contentText(payload: Buffer): string {
  if (payload.length === 0) return "";
  return payload.length > 40 ? `${payload.length}x` : `"${payload.toString("latin1")}"`;
}
