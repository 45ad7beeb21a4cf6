import { createServer, type Server, type Socket } from "node:net";
import type { Address } from "../../model/address.ts";

const BACKLOG_MAX = 1024;

/**
 * An address that is listened on. Connections that come before somebody serves them wait, so that
 * a configuration can bind all its addresses before any of it takes effect; and whoever serves may
 * change without a moment at which connections are refused.
 */
export class BoundSocket {
  readonly #server: Server;
  readonly #waiting: Socket[] = [];
  #take: ((socket: Socket) => void) | undefined;

  private constructor() {
    this.#server = createServer(
      { allowHalfOpen: true, noDelay: true, pauseOnConnect: true },
      (socket) => {
        if (this.#take === undefined) this.#waiting.push(socket);
        else this.#take(socket);
      },
    );
  }

  /** Rejects where the address cannot be bound. */
  static async bind(address: Address): Promise<BoundSocket> {
    const bound = new BoundSocket();
    const server = bound.#server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      const done = (): void => {
        server.off("error", reject);
        // Accepting may fail for a while (EMFILE): that ends nothing.
        server.on("error", () => undefined);
        resolve();
      };
      if (address.kind === "pipe") server.listen(address.path, BACKLOG_MAX, done);
      else server.listen(address.port, address.host, BACKLOG_MAX, done);
    });
    return bound;
  }

  /** With the port that the kernel chose; undefined once closed. */
  get address(): Address | undefined {
    const bound = this.#server.address();
    if (bound === null) return undefined;
    if (typeof bound === "string") return { kind: "pipe", path: bound };
    return { kind: "socket", host: bound.address, port: bound.port };
  }

  /** From now on connections are this one's, beginning with those that wait. */
  serve(take: (socket: Socket) => void): void {
    this.#take = take;
    for (const socket of this.#waiting.splice(0)) take(socket);
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#waiting.splice(0)) socket.destroy();
  }
}
