/** What this proxy would send on of the bytes that it is sent, without a socket. */
import http from "node:http";
import { BodyDecoder } from "../../src/codec/h1/body-decoder.ts";
import { chunkHead, LAST_CHUNK } from "../../src/codec/h1/chunk-writer.ts";
import { removeHopByHop } from "../../src/codec/h1/connection-field.ts";
import { RequestParser } from "../../src/codec/h1/request-parser.ts";
import { ResponseParser } from "../../src/codec/h1/response-parser.ts";
import type { HeaderTable } from "../../src/codec/http/header-table.ts";
import { asksForTunnel, type RequestMessage } from "../../src/codec/http/message.ts";
import { httpManager } from "../../src/control/snapshot/filter-chain.ts";
import { SANITIZE_CERTIFICATE } from "../../src/model/transport/client-certificate.ts";
import type { Downstream } from "../../src/proxy/downstream.ts";
import { ForwardedCertificate } from "../../src/proxy/filters/client-certificate/forwarded-certificate.ts";
import { decodeRequest, takeTarget } from "../../src/proxy/filters/decode-request.ts";
import { Http1ResponseEncoder } from "../../src/proxy/listener/http1/response-encoder.ts";
import { RequestHead } from "../../src/proxy/route/request-head.ts";
import { goesInChunks, requestText } from "../../src/proxy/upstream/http1/request-text.ts";
import type { SocketWriter } from "../../src/proxy/wire/socket-writer.ts";
import type { ReadMessage } from "./node-parser.ts";

/** Bytes for the other side, and what they have to say to it. */
export interface Forwarded {
  readonly bytes: Buffer;
  readonly messages: readonly ReadMessage[];
}

const ROUTES = { kind: "rds", name: "any" } as const;
const config = { ...httpManager("inbound", "in", ROUTES), generateRequestId: false };
const hcm = {
  config,
  allowedUpgrades: new Set(config.upgrades),
  account: { http: { count: () => undefined } },
  localAddress: "127.0.0.1",
  clientCertificate: new ForwardedCertificate(SANITIZE_CERTIFICATE),
};
const DOWN = {
  encoder: { keepAlive: true },
  hcm,
  secure: false,
  carrying: false,
  localAddress: "127.0.0.1:80",
  remoteIp: "127.0.0.1",
} as unknown as Downstream;

const KNOWN_METHODS = new Set(http.METHODS);

/** The body that stands there, and where it ends; undefined where it is not whole. */
function readBody(body: BodyDecoder, bytes: Buffer, from: number): [string, number] | undefined {
  let text = "";
  let at = from;
  while (!body.done) {
    if (at >= bytes.length || body.violation !== "none") return undefined;
    at = body.next(bytes, at, bytes.length);
    text += bytes.toString("latin1", body.dataStart, body.dataEnd);
  }
  return [text, at];
}

/** Of all requests that are whole: up to the first that is refused, or that wants a tunnel. */
export function forwardedRequests(input: Buffer): Forwarded {
  const parser = new RequestParser();
  const body = new BodyDecoder();
  const request = new RequestHead(parser.headers);
  const messages: ReadMessage[] = [];
  let text = "";
  for (let at = 0; at < input.length; parser.reset()) {
    at = parser.read(input, at, input.length);
    if (parser.state !== "complete") break;
    takeTarget(parser, request, DOWN);
    const refusal = decodeRequest(parser, request, DOWN);
    body.begin(parser.body, parser.contentLength);
    const read = readBody(body, input, at);
    if (read === undefined || !KNOWN_METHODS.has(parser.method)) break;
    at = read[1];
    if (refusal !== undefined) continue;
    const target = parser.method === "CONNECT" ? request.authority : request.path;
    messages.push({
      line: `${parser.method} ${target}`,
      fields: fieldsOf(parser.headers),
      body: read[0],
    });
    const chunked = goesInChunks(request, parser);
    text += requestText(request, parser) + (chunked ? inChunks(read[0]) : read[0]);
    if (asksForTunnel(parser)) break;
  }
  return { bytes: Buffer.from(text, "latin1"), messages };
}

/** Of one request that is whole, whichever codec it came through; undefined where we answer. */
export function forwardedRequest(message: RequestMessage, body: string): Forwarded | undefined {
  const request = new RequestHead(message.headers);
  takeTarget(message, request, DOWN);
  if (decodeRequest(message, request, DOWN) !== undefined) return undefined;
  const chunked = goesInChunks(request, message);
  const text = requestText(request, message) + (chunked ? inChunks(body) : body);
  const line = `${message.method} ${request.path}`;
  const messages = [{ line, fields: fieldsOf(message.headers), body }];
  return { bytes: Buffer.from(text, "latin1"), messages };
}

/** Of the final response to this method, where it is whole. */
export function forwardedResponse(input: Buffer, method: string): Forwarded | undefined {
  const parser = new ResponseParser();
  parser.expect(method);
  let at = 0;
  do {
    if (parser.state === "complete") parser.reset();
    at = parser.read(input, at, input.length);
  } while (parser.state === "complete" && parser.status < 200 && parser.status !== 101);
  if (parser.state !== "complete" || parser.status === 101) return undefined;
  const body = new BodyDecoder();
  body.begin(parser.body, parser.contentLength);
  const read = body.done ? "" : wholeBody(body, input, at);
  if (read === undefined) return undefined;
  removeHopByHop(parser.headers);
  const request = new RequestParser();
  request.read(Buffer.from(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`), 0, 1024);
  const encoder = new Http1ResponseEncoder({ hcm, lastRequest: false } as never, request);
  let text = "";
  encoder.use({
    text: (more: string) => {
      text += more;
    },
    bytes: (bytes: Buffer, start: number, end: number) => {
      text += bytes.toString("latin1", start, end);
    },
  } as SocketWriter);
  encoder.begin();
  encoder.head(parser.status, parser.headers, parser.body);
  const payload = Buffer.from(read, "latin1");
  if (payload.length > 0) encoder.data(payload, 0, payload.length);
  encoder.end();
  const message = { line: String(parser.status), fields: fieldsOf(parser.headers), body: read };
  return { bytes: Buffer.from(text, "latin1"), messages: [message] };
}

/** A body that the connection's end may end. */
function wholeBody(body: BodyDecoder, input: Buffer, from: number): string | undefined {
  let text = "";
  for (let at = from; at < input.length && !body.done && body.violation === "none"; ) {
    at = body.next(input, at, input.length);
    text += input.toString("latin1", body.dataStart, body.dataEnd);
  }
  body.end();
  return body.done && body.violation === "none" ? text : undefined;
}

function inChunks(text: string): string {
  return text === "" ? LAST_CHUNK : `${chunkHead(text.length)}${text}\r\n${LAST_CHUNK}`;
}

function fieldsOf(headers: HeaderTable): string[] {
  const fields: string[] = [];
  for (let i = 0; i < headers.count; i++) {
    if (!headers.removedAt(i)) fields.push(`${headers.name(i)}: ${headers.value(i)}`);
  }
  return fields;
}
