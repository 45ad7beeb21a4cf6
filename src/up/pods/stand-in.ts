/**
 * What runs in place of a container that has no command: answers any path on every declared
 * port and says who it is, in HTTP/1.1, HTTP/2 with prior knowledge, and gRPC. A program of its
 * own; it imports nothing of Outrigger, to start fast.
 *
 * Its argument is a `StandInConfig` in JSON.
 */

import type { EventEmitter } from "node:events";
import {
  createServer as createHttp1,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { Http2Server, Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { flushCompileCache } from "node:module";
import { createServer, type Server, type Socket } from "node:net";

export interface StandInIdentity {
  readonly service: string;
  readonly pod: string;
  readonly namespace: string;
  readonly version: string;
  readonly container: string;
}

export interface StandInConfig {
  readonly identity: StandInIdentity;
  /** TCP ports, or paths of Unix sockets. */
  readonly listen: readonly (number | string)[];
}

/** A server that can drop its clients. */
export interface StandIn extends Server {
  closeAllConnections(): void;
}

const HEADER_BYTES_MAX = 1 << 20;
/** How HTTP/2 begins, and no method does (RFC 9113 section 3.4). */
const PREFACE = "PRI ";
/** A message without fields is one of every type: whoever called can read it. */
const NO_FIELDS = Buffer.alloc(5);
/** gRPC answers who it is in this header, whose JSON is bounded. */
const IDENTITY_HEADER = "x-stand-in";
const IDENTITY_CHARS_MAX = 4096;

/** The server; the caller listens. */
export function standIn(identity: StandInIdentity): StandIn {
  const http1 = http1Server(identity);
  const http2 = http2Server(identity);
  const sockets = new Set<Socket>();
  // As `node:http` opens its own sockets: no waiting for more to write, an end of one side alone.
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    const leave = (): void => void socket.end();
    socket.once("end", leave);
    // A client sends the preface at once: its first bytes come together.
    socket.once("data", (first: Buffer) => {
      socket.off("end", leave);
      socket.pause();
      socket.unshift(first);
      const isHttp2 = first.toString("latin1", 0, PREFACE.length) === PREFACE;
      if (isHttp2) void http2().then((newer) => hand(socket, newer));
      else hand(socket, http1);
    });
  });
  const closeAllConnections = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return Object.assign(server, { closeAllConnections });
}

/** What has come so far is read again, by the server that it is for. */
function hand(socket: Socket, server: EventEmitter): void {
  server.emit("connection", socket);
  socket.resume();
}

function http1Server(identity: StandInIdentity): ReturnType<typeof createHttp1> {
  const server = createHttp1({ maxHeaderSize: HEADER_BYTES_MAX }, (request, response) =>
    serve(identity, request, response),
  );
  // Connections are the sidecar's to close: a server that closes idle ones races its requests.
  server.keepAliveTimeout = 0;
  server.headersTimeout = 0;
  server.requestTimeout = 0;
  return server;
}

/** Loading `node:http2` costs 10 ms, which only its clients pay. */
function http2Server(identity: StandInIdentity): () => Promise<Http2Server> {
  let server: Http2Server | undefined;
  return async () => {
    const { createServer: createHttp2 } = await import("node:http2");
    server ??= createHttp2((request, response) => {
      const isCall = request.headers["content-type"]?.startsWith("application/grpc") === true;
      if (isCall) serveCall(identity, request, response);
      else serve(identity, request, response);
    });
    return server;
  };
}

/** Replies when the body has come in whole, so that the connection stays in step. */
function serve(
  identity: StandInIdentity,
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
): void {
  request.resume();
  request.on("end", () => {
    const body = `${JSON.stringify({ ...identity, ...asked(request) })}\n`;
    response.setHeader("content-type", "application/json");
    response.setHeader("content-length", Buffer.byteLength(body));
    response.end(body);
  });
}

/** Any method: one message without fields, status OK, and in a header who it was. */
function serveCall(
  identity: StandInIdentity,
  request: Http2ServerRequest,
  response: Http2ServerResponse,
): void {
  request.resume();
  request.on("end", () => {
    const { headers, ...rest } = asked(request);
    const whole = headerJson({ ...identity, ...rest, headers });
    const said = whole.length > IDENTITY_CHARS_MAX ? headerJson({ ...identity, ...rest }) : whole;
    response.setHeader("content-type", "application/grpc");
    response.setHeader(IDENTITY_HEADER, said);
    response.addTrailers({ "grpc-status": "0" });
    response.end(NO_FIELDS);
  });
}

interface Asked {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

/** HTTP/2's pseudo headers are the method, the path and the Host of HTTP/1.1. */
function asked(request: IncomingMessage | Http2ServerRequest): Asked {
  const { method, url: path } = request;
  const authority = request.headers[":authority"];
  const entries = Object.entries(request.headers).filter(([name]) => !name.startsWith(":"));
  const host = authority === undefined ? {} : { host: String(authority) };
  return { method, path, headers: { ...host, ...Object.fromEntries(entries) } };
}

/** JSON in ASCII alone, as header values are. */
function headerJson(value: object): string {
  return JSON.stringify(value).replaceAll(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function main(config: StandInConfig): void {
  for (const where of config.listen) {
    const server = standIn(config.identity);
    server.on("error", (error) => {
      process.stderr.write(`${error.message}\n`);
      process.exit(1);
    });
    server.listen(where);
  }
  // Stand-ins are killed, and only a process that ends by itself would write its cache.
  flushCompileCache();
}

const [, , text] = process.argv;
if (import.meta.main && text !== undefined) main(JSON.parse(text) as StandInConfig);
