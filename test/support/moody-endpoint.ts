import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { running } from "./one-hop.ts";

/** What an endpoint answers. */
export interface Mood {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An endpoint that answers as it is told, and counts. It stops with the test that started it. */
export class MoodyEndpoint {
  readonly port: number;
  mood: Mood = { status: 200 };
  /** Requests that came. */
  requests = 0;
  /** True: answers wait for `release`. */
  holds = false;
  readonly #held: ServerResponse[] = [];

  private constructor(server: Server) {
    this.port = (server.address() as AddressInfo).port;
    server.on("request", (_request: IncomingMessage, response: ServerResponse) => {
      this.requests++;
      if (this.holds) this.#held.push(response);
      else this.#answer(response);
    });
  }

  static async start(port = 0, host = "127.0.0.1"): Promise<MoodyEndpoint> {
    const server = createServer();
    server.listen(port, host);
    await once(server, "listening");
    running.push({
      stop: () => {
        server.closeAllConnections();
        server.close();
      },
    });
    return new MoodyEndpoint(server);
  }

  get held(): number {
    return this.#held.length;
  }

  /** Answers the oldest request that waits, as it is in the mood now. */
  release(): void {
    const response = this.#held.shift();
    if (response !== undefined) this.#answer(response);
  }

  #answer(response: ServerResponse): void {
    response.writeHead(this.mood.status, { "content-length": "0", ...this.mood.headers });
    response.end();
  }
}
