/** The server's side of WebSocket (RFC 6455), as far as masked binary messages in one piece go. */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { REQUEST_LENGTH_AT, takeFrame } from "../request.ts";
import { answerFrame, type FrameSink } from "./frames.ts";
import type { OriginWork } from "./origin.ts";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

function webSocketFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = 0x80 | opcode;
  if (length < 126) head[1] = length;
  else if (length < 65_536) {
    head[1] = 126;
    head.writeUInt16BE(length, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, payload]);
}

interface Message {
  readonly opcode: number;
  readonly payload: Buffer;
  readonly rest: Buffer;
}

/** Undefined until all of it is there. */
function takeMessage(bytes: Buffer): Message | undefined {
  if (bytes.length < 2) return undefined;
  let at = 2;
  let length = (bytes[1] ?? 0) & 0x7f;
  if (length >= 126) {
    at = length === 126 ? 4 : 10;
    if (bytes.length < at) return undefined;
    length = length === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  }
  if (bytes.length < at + 4 + length) return undefined;
  const mask = bytes.subarray(at, at + 4);
  const payload = Buffer.from(bytes.subarray(at + 4, at + 4 + length));
  for (let i = 0; i < length; i++) payload[i] = (payload[i] ?? 0) ^ (mask[i & 3] ?? 0);
  return { opcode: (bytes[0] ?? 0) & 15, payload, rest: bytes.subarray(at + 4 + length) };
}

/** Answers the upgrade, then each message. */
export function acceptWebSocket(work: OriginWork, request: IncomingMessage, duplex: Duplex): void {
  const socket = duplex as Socket;
  const key = `${request.headers["sec-websocket-key"]}${GUID}`;
  const accept = createHash("sha1").update(key).digest("base64");
  const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}`;
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\n`);
  const sink: FrameSink = {
    write: (bytes) => socket.write(webSocketFrame(BINARY, bytes)),
    writeHalf: (bytes) => {
      socket.write(webSocketFrame(BINARY, bytes).subarray(0, bytes.length >> 1));
    },
    end: () => socket.end(webSocketFrame(CLOSE, Buffer.alloc(0))),
    reset: () => socket.resetAndDestroy(),
  };
  let bytes = Buffer.alloc(0);
  socket.on("error", () => undefined);
  socket.on("data", (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    for (let message = takeMessage(bytes); message !== undefined; message = takeMessage(bytes)) {
      bytes = message.rest as Buffer<ArrayBuffer>;
      take(work, message, socket, sink);
    }
  });
}

function take(work: OriginWork, message: Message, socket: Socket, sink: FrameSink): void {
  const { opcode, payload } = message;
  if (opcode === CLOSE) sink.end();
  else if (opcode === PING) socket.write(webSocketFrame(PONG, payload));
  else {
    const frame = takeFrame(payload, REQUEST_LENGTH_AT);
    if (frame === undefined) sink.reset();
    else void answerFrame(work, frame.words, frame.body, sink);
  }
}
