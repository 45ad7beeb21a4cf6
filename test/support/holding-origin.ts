/** An origin that answers nobody before it is told to: so a test decides what is in flight. */
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import net from "node:net";

type Server = http.Server | http2.Http2Server | net.Server;
/** What both versions' answers have. */
interface Answer {
  writeHead(status: number, headers: Readonly<Record<string, string>>): unknown;
  end(body: string): unknown;
  on(event: "close", listener: () => void): unknown;
}

interface Held {
  readonly path: string;
  readonly status: number;
  readonly answer: Answer;
}

/** Speaks HTTP/1.1, HTTP/2 and plain TCP, each on a port of its own. */
export class HoldingOrigin {
  readonly #servers: Readonly<Record<"http1" | "http2" | "tcp", Server>>;
  readonly #sockets = new Set<net.Socket>();
  #held: Held[] = [];

  private constructor() {
    const take = (
      { url = "", headers }: http.IncomingMessage | http2.Http2ServerRequest,
      answer: Answer,
    ): void => {
      const status = Number(headers["x-status"] ?? 200);
      const held = { path: url, status, answer };
      this.#held.push(held);
      answer.on("close", () => {
        this.#held = this.#held.filter((one) => one !== held);
      });
    };
    this.#servers = {
      http1: http.createServer({ keepAliveTimeout: 60_000 }, take),
      http2: http2.createServer(take),
      tcp: net.createServer({ allowHalfOpen: false }),
    };
    for (const server of Object.values(this.#servers)) {
      server.on("connection", (socket: net.Socket) => {
        this.#sockets.add(socket);
        socket.on("error", () => undefined);
        socket.on("close", () => this.#sockets.delete(socket));
      });
    }
  }

  static async listen(): Promise<HoldingOrigin> {
    const origin = new HoldingOrigin();
    for (const server of Object.values(origin.#servers)) {
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
    }
    return origin;
  }

  port(protocol: "http1" | "http2" | "tcp"): number {
    const address = this.#servers[protocol].address();
    if (address === null || typeof address !== "object") throw new Error(`no ${protocol}`);
    return address.port;
  }

  /** How many requests of this path it has, and has not answered. */
  holds(path: string): number {
    return this.#held.filter((one) => one.path === path).length;
  }

  /** Answers what it holds (of this path alone) with `x-status`; the next ones are held again. */
  release(path?: string): void {
    const isMeant = (one: Held): boolean => path === undefined || one.path === path;
    const meant = this.#held.filter(isMeant);
    this.#held = this.#held.filter((one) => !isMeant(one));
    for (const { answer, status } of meant) {
      answer.writeHead(status, { "content-length": "2" });
      answer.end("ok");
    }
  }

  stop(): void {
    for (const server of Object.values(this.#servers)) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
