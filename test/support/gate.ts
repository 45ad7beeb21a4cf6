/** A way to a server that lets nothing, or no more than a TLS handshake, pass before it opens. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { running } from "./one-hop.ts";

/** `handshake`: that of TLS 1.3, which the client ends. */
export type GatePasses = "nothing" | "handshake" | "all";

export class Gate {
  /** For new connections; those that are held stay so. */
  passes: GatePasses;
  /** Connections so far. */
  connections = 0;
  readonly #target: number;
  readonly #server: Server;
  readonly #sockets: Socket[] = [];

  private constructor(server: Server, target: number, passes: GatePasses) {
    this.#server = server;
    this.#target = target;
    this.passes = passes;
    server.on("connection", (socket) => this.#take(socket));
  }

  static async listen(target: number, passes: GatePasses): Promise<Gate> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const gate = new Gate(server, target, passes);
    running.push(gate);
    return gate;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #take(client: Socket): void {
    this.connections++;
    this.#keep(client);
    if (this.passes === "nothing") return;
    const server = connect(this.#target, "127.0.0.1");
    this.#keep(server);
    client.pipe(server);
    server.pipe(client);
    client.on("close", () => server.destroy());
    server.on("close", () => client.destroy());
    if (this.passes === "all") return;
    // A client's second word follows the whole of the server's first one.
    server.once("data", () => client.once("data", () => server.unpipe(client)));
  }

  #keep(socket: Socket): void {
    this.#sockets.push(socket);
    socket.on("error", () => undefined);
  }
}
