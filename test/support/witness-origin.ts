/** An origin that writes down what it understands of what comes, and answers everything. */
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** A request as the origin read it. */
export interface WitnessedRequest {
  /** `POST /path`. */
  readonly line: string;
  /** `name: value`, names in lower case. */
  readonly fields: readonly string[];
  body: string;
  trailers: readonly string[];
  /** Its last byte came. */
  complete: boolean;
  /** Nothing more can come: the connection is gone. */
  lost: boolean;
}

export class WitnessOrigin {
  readonly #server: http.Server;
  #seen: WitnessedRequest[] = [];
  readonly #bySocket = new WeakMap<Socket, WitnessedRequest[]>();
  /** What the origin could not read: there must be none. */
  readonly malformed: string[] = [];

  private constructor(server: http.Server) {
    this.#server = server;
    server.on("request", (request, response) => this.#note(request, response));
    server.on("connect", (_, socket) => socket.end("HTTP/1.1 403 No\r\n\r\n"));
    server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
      // That a body is cut is no mistake of whoever cuts it by closing.
      if (error.code !== "HPE_INVALID_EOF_STATE" && error.code !== "ECONNRESET") {
        this.malformed.push(`${error.code}: ${error.message}`);
      }
      socket.destroy();
    });
  }

  static async listen(): Promise<WitnessOrigin> {
    const server = http.createServer({ keepAliveTimeout: 60_000, maxHeaderSize: 128 * 1024 });
    const origin = new WitnessOrigin(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return origin;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What was seen since the last time. */
  take(): readonly WitnessedRequest[] {
    return this.#seen.splice(0);
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #note(request: http.IncomingMessage, response: http.ServerResponse): void {
    const chunks: Buffer[] = [];
    const witnessed: WitnessedRequest = {
      line: `${request.method} ${request.url}`,
      fields: pairs(request.rawHeaders),
      body: "",
      trailers: [],
      complete: false,
      lost: false,
    };
    this.#seen.push(witnessed);
    request.on("error", () => undefined);
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      witnessed.body = Buffer.concat(chunks).toString("latin1");
      witnessed.trailers = pairs(request.rawTrailers);
      witnessed.complete = true;
      response.setHeader("x-line", witnessed.line);
      response.end("ok");
    });
    this.#requestsOf(request.socket).push(witnessed);
  }

  /** The requests of a connection, lost with it. */
  #requestsOf(socket: Socket): WitnessedRequest[] {
    let requests = this.#bySocket.get(socket);
    if (requests === undefined) {
      const made: WitnessedRequest[] = [];
      requests = made;
      this.#bySocket.set(socket, made);
      socket.once("close", () => {
        for (const request of made) request.lost = true;
      });
    }
    return requests;
  }
}

function pairs(raw: readonly string[]): string[] {
  const fields: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    fields.push(`${raw[i]?.toLowerCase()}: ${raw[i + 1]}`);
  }
  return fields;
}
