/**
 * What runs in place of a container that has no command: answers any path on every declared
 * port and says who it is. A program of its own; it imports nothing of Outrigger, to start fast.
 *
 * Its argument is a `StandInConfig` in JSON.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { flushCompileCache } from "node:module";

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

const HEADER_BYTES_MAX = 1 << 20;

/** The server; the caller listens. */
export function standIn(identity: StandInIdentity): Server {
  const server = createServer({ maxHeaderSize: HEADER_BYTES_MAX }, (request, response) =>
    serve(identity, request, response),
  );
  // Connections are the sidecar's to close: a server that closes idle ones races its requests.
  server.keepAliveTimeout = 0;
  server.headersTimeout = 0;
  server.requestTimeout = 0;
  return server;
}

/** Replies when the body has come in whole, so that the connection stays in step. */
function serve(
  identity: StandInIdentity,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  request.resume();
  request.on("end", () => {
    const { method, url: path, headers } = request;
    const body = `${JSON.stringify({ ...identity, method, path, headers })}\n`;
    response.writeHead(200, {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
    });
    response.end(body);
  });
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
