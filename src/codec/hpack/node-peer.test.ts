import http2 from "node:http2";
import { type Duplex, duplexPair } from "node:stream";
import { expect, it } from "vitest";
import { type Field, HpackPair } from "../../../test/support/hpack-pair.ts";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS = 1;
const SETTINGS = 4;
const ACK = 0x1;
const END_STREAM_AND_HEADERS = 0x5;
const PRIORITY = 0x20;
const HEADER_TABLE_SIZE = 1;

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly payload: Buffer;
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function tableSize(bytes: number): Buffer {
  const setting = Buffer.alloc(6);
  setting.writeUInt16BE(HEADER_TABLE_SIZE, 0);
  setting.writeUInt32BE(bytes, 2);
  return frame(SETTINGS, 0, 0, setting);
}

/** The frames behind a client's preface. */
function* framesOf(bytes: Buffer): Generator<Frame> {
  for (let at = PREFACE.length; at + 9 <= bytes.length; ) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    const [type = 0, flags = 0] = bytes.subarray(at + 3, at + 5);
    yield { type, flags, payload: bytes.subarray(at + 9, end) };
    at = end;
  }
}

/** Requests that repeat, differ, are secret and are long. */
function requests(count: number): Field[][] {
  return Array.from({ length: count }, (_, i) => [
    [":method", i % 3 === 0 ? "PUT" : "GET"],
    [":scheme", "http"],
    [":authority", "reviews:9080"],
    [":path", `/reviews/${i % 4}?a={b}`],
    ["user-agent", i % 10 === 9 ? "u".repeat(3000) : "curl/8.0 (a; b)"],
    ["x-request-id", `${i * 7919}-${i}`],
    ["authorization", `Bearer ${i % 2}`],
    ["x-own", "caf\xe9"],
    ["x-empty", ""],
    [`x-turn-${i % 60}`, `${i}`],
  ]);
}

/** What a peer that is Node reads out of our blocks. */
async function readByNode(blocks: readonly Buffer[], settings: http2.Settings): Promise<Field[][]> {
  const server = http2.createServer({ settings });
  const [ours, theirs] = duplexPair();
  const seen: Field[][] = [];
  const sessions: http2.ServerHttp2Session[] = [];
  const whole = new Promise<void>((resolve, reject) => {
    server.on("session", (session) => sessions.push(session));
    server.on("sessionError", reject);
    server.on("stream", (_stream, headers) => {
      seen.push(Object.entries(headers).map(([name, value]): Field => [name, `${value}`]));
      if (seen.length === blocks.length) resolve();
    });
  });
  server.emit("connection", theirs);
  ours.resume();
  ours.write(PREFACE);
  ours.write(frame(SETTINGS, 0, 0, Buffer.alloc(0)));
  for (const [i, block] of blocks.entries()) {
    ours.write(frame(HEADERS, END_STREAM_AND_HEADERS, i * 2 + 1, block));
  }
  await whole;
  for (const session of sessions) session.destroy();
  return seen;
}

/** All that a client that is Node sends for these requests, over one connection. */
async function writtenByNode(lists: readonly Field[][], settings: Buffer): Promise<Buffer> {
  const [ours, theirs] = duplexPair();
  const pieces: Buffer[] = [];
  ours.write(settings);
  const client = http2.connect("http://reviews:9080", { createConnection: (): Duplex => theirs });
  await new Promise((resolve) => client.once("remoteSettings", resolve));
  const whole = new Promise<void>((resolve) => {
    ours.on("data", (piece: Buffer) => {
      pieces.push(piece);
      const heads = [...framesOf(Buffer.concat(pieces))].filter(({ type }) => type === HEADERS);
      if (heads.length === lists.length) resolve();
    });
  });
  for (const fields of lists) {
    client.request(Object.fromEntries(fields), { endStream: true }).on("error", () => undefined);
  }
  await whole;
  client.destroy();
  return Buffer.concat(pieces);
}

it.each([{ headerTableSize: 4096 }, { headerTableSize: 200 }, { headerTableSize: 0 }])(
  "Node reads what we write, with a table of $headerTableSize bytes",
  async (settings) => {
    const pair = new HpackPair();
    const lists = requests(200);
    pair.encoder.setTableSizeMax(settings.headerTableSize);
    const seen = await readByNode(
      lists.map((fields) => pair.encode(fields)),
      settings,
    );
    expect(seen).toEqual(lists);
  },
);

it.each([4096, 200, 0, 65_536])(
  "we read what Node writes, with a table of %i bytes",
  async (bytes) => {
    const pair = new HpackPair();
    const lists = requests(100);
    const sent = await writtenByNode(lists, tableSize(bytes));
    const seen: Field[][] = [];
    for (const { type, flags, payload } of framesOf(sent)) {
      if (type === SETTINGS && (flags & ACK) !== 0) pair.decoder.setTableSizeMax(bytes);
      if (type !== HEADERS) continue;
      seen.push(pair.decode(payload.subarray((flags & PRIORITY) !== 0 ? 5 : 0)));
      expect(pair.violation).toBe("none");
    }
    expect(seen).toEqual(lists);
  },
);
