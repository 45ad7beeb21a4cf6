import http from "node:http";
import { PREFACE } from "../../../src/codec/h2/frame/frame-type.ts";
import type { SessionOwner, StreamOwner } from "../../../src/codec/h2/owner.ts";
import { Http2Request } from "../../../src/codec/h2/request.ts";
import { Session } from "../../../src/codec/h2/session.ts";
import { DEFAULT_SETTINGS } from "../../../src/codec/h2/settings.ts";
import { forwardedRequest } from "../../support/forwarded.ts";
import { MemoryOutput } from "../../support/h2-output.ts";
import { nodeRequests } from "../../support/node-parser.ts";
import { H1_TOKENS } from "./h1-tokens.ts";
import { saysTheSame } from "./says-the-same.ts";
import type { FuzzTarget } from "./target.ts";

/** Stand between a name and its value, and behind each field: bytes that mean nothing else here. */
const NAME_END = 0xfe;
const FIELD_END = 0xff;
const BODY = Buffer.from("GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
const KNOWN_METHODS = new Set(http.METHODS);

type Field = readonly [name: Buffer, value: Buffer];

function fieldsOf(input: Buffer): Field[] {
  const fields: Field[] = [];
  for (let at = 0; at < input.length; ) {
    const found = input.indexOf(FIELD_END, at);
    const end = found < 0 ? input.length : found;
    const name = input.subarray(at, end).indexOf(NAME_END);
    const middle = name < 0 ? end : at + name;
    fields.push([input.subarray(at, middle), input.subarray(Math.min(middle + 1, end), end)]);
    at = end + 1;
  }
  return fields;
}

/** A literal without index, without Huffman's code (RFC 7541 section 6.2.2). */
function literal([name, value]: Field): Buffer {
  return Buffer.concat([Buffer.from([0]), text(name), text(value)]);
}

function text(bytes: Buffer): Buffer {
  const length = [Math.min(bytes.length, 0x7f)];
  for (let rest = bytes.length - 0x7f; length[0] === 0x7f && rest >= 0; rest >>= 7) {
    length.push(rest >= 0x80 ? (rest & 0x7f) | 0x80 : rest);
    if (rest < 0x80) break;
  }
  return Buffer.concat([Buffer.from(length), bytes]);
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** One request with a body, its head of at most a frame. */
function requestBytes(fields: readonly Field[]): Buffer {
  const block = Buffer.concat(fields.map(literal)).subarray(0, 16_000);
  const data = frame(0, 1, 1, BODY);
  return Buffer.concat([PREFACE, frame(4, 0, 0, Buffer.alloc(0)), frame(1, 4, 1, block), data]);
}

/** The request, once it is whole; undefined where it is refused. */
function received(bytes: Buffer): Http2Request | undefined {
  const message = new Http2Request();
  let whole = false;
  const stream: StreamOwner = {
    message,
    onHead: () => undefined,
    onData: () => undefined,
    onTrailers: () => undefined,
    onEnd: () => {
      whole = true;
    },
    onReset: () => undefined,
    onBlocked: () => undefined,
    onWritable: () => undefined,
  };
  const owner: SessionOwner = {
    acceptStream: () => stream,
    onOutput: () => undefined,
    onPeerSettings: () => undefined,
    onGoAway: () => undefined,
    onPong: () => undefined,
    onStreamClosed: () => undefined,
    onSessionError: () => undefined,
  };
  const session = new Session("server", DEFAULT_SETTINGS, owner, new MemoryOutput());
  session.start();
  session.read(bytes, 0, bytes.length);
  return whole ? message : undefined;
}

function seed(...fields: readonly (readonly [string, string])[]): Buffer {
  const parts = fields.map(([name, value]) => `${name}\xfe${value}\xff`);
  return Buffer.from(parts.join(""), "latin1");
}

const GET = [
  [":method", "POST"],
  [":scheme", "http"],
  [":authority", "a"],
  [":path", "/"],
] as const;

/** Requests of HTTP/2 as they go on over HTTP/1.1: no field becomes two, no body a request. */
export const h2Downgrade: FuzzTarget = {
  name: "h2-downgrade",
  seeds: [
    seed(...GET),
    seed(...GET, ["content-length", String(BODY.length)], ["x", "y"]),
    seed(
      ...GET,
      ["te", "trailers"],
      ["cookie", "a=b"],
      ["cookie", "c=d"],
      ["expect", "100-continue"],
    ),
    seed(...GET, ["host", "a"], ["x-forwarded-proto", "https"], ["user-agent", "x"]),
    seed([":method", "OPTIONS"], [":scheme", "https"], [":authority", "a:1"], [":path", "*"]),
    seed(...GET.slice(0, 2), ["host", "a"], [":path", "/a/../b?c"]),
  ],
  tokens: [
    ...H1_TOKENS,
    ...[
      "\xff",
      "\xfe",
      "transfer-encoding\xfechunked\xff",
      "content-length\xfe3\xff",
      "x: y\r\n",
    ].map((one) => Buffer.from(one, "latin1")),
    seed([":path", "/ HTTP/1.1\r\nx: y"]),
    seed(["connection", "close"], ["upgrade", "h2c"]),
  ],
  async run(input) {
    const message = received(requestBytes(fieldsOf(input)));
    if (message === undefined) return "refused";
    const { method, form, body, upgrade } = message;
    if (!KNOWN_METHODS.has(method) || method === "CONNECT") return `refused ${method}`;
    const forwarded = forwardedRequest(message, BODY.toString("latin1"));
    if (forwarded === undefined) return "answered";
    saysTheSame(await nodeRequests(forwarded.bytes), forwarded);
    return `${method} ${form} ${body} ${upgrade} ${message.headers.count}`;
  },
};
