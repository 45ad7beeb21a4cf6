import { once } from "node:events";
import {
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { running } from "./one-hop.ts";

/** An origin that speaks HTTP/2, whose streams the test answers. It stops after the test. */
export class Http2Origin {
  readonly #server: Http2Server = createServer();
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #streams: ServerHttp2Stream[] = [];
  readonly #waiting: ((stream: ServerHttp2Stream) => void)[] = [];

  static async listen(): Promise<Http2Origin> {
    const origin = new Http2Origin();
    const server = origin.#server;
    server.on("session", (session) => origin.#sessions.add(session));
    server.on("stream", (stream: ServerHttp2Stream) => origin.#take(stream));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    running.push({ stop: () => origin.#stop() });
    return origin;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections so far. */
  get connections(): number {
    return this.#sessions.size;
  }

  /** The next stream, in the order in which they come. */
  takes(): Promise<ServerHttp2Stream> {
    const stream = this.#streams.shift();
    if (stream !== undefined) return Promise.resolve(stream);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #take(stream: ServerHttp2Stream): void {
    stream.on("error", () => undefined);
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#streams.push(stream);
    else waiting(stream);
  }

  #stop(): void {
    for (const session of this.#sessions) session.destroy();
    this.#server.close();
  }
}

/** A whole response. */
export function answers(stream: ServerHttp2Stream, body = "ok"): void {
  stream.respond({ ":status": 200, "content-length": String(body.length) });
  stream.end(body);
}
