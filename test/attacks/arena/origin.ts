import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const PIECE: Buffer = Buffer.alloc(64 * 1024, "x");
/** What `/large` answers with. */
const LARGE_BYTES = 16 * 1024 * 1024;

/** A request of an attacker that came through. */
export interface Forwarded {
  readonly line: string;
  readonly headers: IncomingMessage["headers"];
  body: string;
  /** All of it came. */
  whole: boolean;
}

/**
 * The server behind the proxy, of HTTP/1.1. It writes down every request but those that tell
 * what a plain one costs: what must not reach it, may not stand there.
 *
 * `/large` answers with 16 MiB, `/hold` not until `release`; all else at once, with its body's end.
 */
export class LedgerOrigin {
  readonly #server: Server;
  #ledger: Forwarded[] = [];
  #held: ServerResponse[] = [];
  /** Bytes of large answers that the kernel has taken. */
  largeBytes = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on("request", (request, response) => this.#serve(request, response));
    server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
      const parsed =
        error.code?.startsWith("HPE_") === true && error.code !== "HPE_INVALID_EOF_STATE";
      if (parsed)
        this.#ledger.push({ line: "what is no request", headers: {}, body: "", whole: false });
      socket.destroy();
    });
    server.keepAliveTimeout = 0;
    server.maxRequestsPerSocket = 0;
  }

  static async listen(): Promise<LedgerOrigin> {
    const server = createServer({ maxHeaderSize: 256 * 1024 });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new LedgerOrigin(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What came since the last time. */
  take(): Forwarded[] {
    this.release();
    return this.#ledger.splice(0);
  }

  get seen(): readonly Forwarded[] {
    return this.#ledger;
  }

  /** Answers all that are held. */
  release(): void {
    for (const response of this.#held.splice(0)) response.end("held");
  }

  get held(): number {
    return this.#held.length;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { headers, method, url = "" } = request;
    response.on("error", () => undefined);
    request.on("error", () => undefined);
    if (url === "/good") {
      response.end("good");
      return;
    }
    const entry: Forwarded = { line: `${method} ${url}`, headers, body: "", whole: false };
    this.#ledger.push(entry);
    request.on("data", (bytes: Buffer) => {
      if (entry.body.length < 1000) entry.body += bytes.toString("latin1");
    });
    request.on("end", () => {
      entry.whole = true;
      if (url.startsWith("/hold")) this.#held.push(response);
      else if (url.startsWith("/large")) this.#answerLarge(response);
      else response.end("seen");
    });
  }

  #answerLarge(response: ServerResponse): void {
    response.writeHead(200, { "content-length": LARGE_BYTES });
    let left = LARGE_BYTES / PIECE.length;
    const more = (): void => {
      for (; left > 0 && !response.destroyed; left--) {
        this.largeBytes += PIECE.length;
        if (!response.write(PIECE)) {
          left--;
          response.once("drain", more);
          return;
        }
      }
      if (left === 0) response.end();
    };
    more();
  }
}
