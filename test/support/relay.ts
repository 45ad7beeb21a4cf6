/** A way between two programs that can be cut, and lead elsewhere. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { running } from "./one-hop.ts";

export class Relay {
  /** Where new connections lead. */
  target = 0;
  /** Connections so far. */
  connections = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => this.#relay(socket));
  }

  static async listen(): Promise<Relay> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const relay = new Relay(server);
    running.push(relay);
    return relay;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** Ends all connections as a machine does that loses its power: nothing is said before. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  stop(): void {
    this.#server.close();
    this.cut();
  }

  #relay(socket: Socket): void {
    this.connections++;
    const other = connect(this.target, "127.0.0.1");
    for (const [one, peer] of [
      [socket, other],
      [other, socket],
    ] as const) {
      this.#sockets.add(one);
      one.on("error", () => undefined);
      one.on("close", () => {
        this.#sockets.delete(one);
        peer.destroy();
      });
      one.pipe(peer);
    }
  }
}
