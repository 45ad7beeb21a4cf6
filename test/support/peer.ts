import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** Time that a peer waits for what its script expects: far more than it ever takes. */
const PATIENCE_MS = 30_000;

/**
 * One end of a connection that follows a script: `await peer.receives("GET /")`,
 * `peer.sends("HTTP/1.1 200 OK\r\n\r\n")`.
 */
export class Peer {
  readonly socket: Socket;
  #received = "";
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (text) => this.#take(String(text)));
    socket.on("end", () => this.#end());
    socket.on("close", () => this.#end());
    socket.on("error", () => undefined);
  }

  /** All that has come and was not yet taken by `receives`. */
  get received(): string {
    return this.#received;
  }

  get ended(): boolean {
    return this.#ended;
  }

  sends(text: string): void {
    this.socket.write(text, "latin1");
  }

  /** Waits until this text has come; gives everything up to its end, and takes it away. */
  async receives(text: string): Promise<string> {
    await this.#until(() => this.#received.includes(text), `to receive ${JSON.stringify(text)}`);
    const end = this.#received.indexOf(text) + text.length;
    const taken = this.#received.slice(0, end);
    this.#received = this.#received.slice(end);
    return taken;
  }

  /** Waits until this many bytes have come and takes them. */
  async receivesBytes(count: number): Promise<string> {
    await this.#until(() => this.#received.length >= count, `${count} bytes`);
    const taken = this.#received.slice(0, count);
    this.#received = this.#received.slice(count);
    return taken;
  }

  /** A whole response with Content-Length, or without body. */
  async receivesResponse(): Promise<{ readonly head: string; readonly body: string }> {
    const head = await this.receives("\r\n\r\n");
    const length = /content-length: (\d+)/i.exec(head)?.[1] ?? "0";
    return { head, body: await this.receivesBytes(Number(length)) };
  }

  /** Waits for the other end to close its side; gives what came before and was not taken. */
  async sees(what: "end"): Promise<string> {
    await this.#until(() => this.#ended, `to see the ${what}`);
    return this.#received;
  }

  ends(): void {
    this.socket.end();
  }

  /** Closes with RST: what was on its way is lost. */
  resets(): void {
    this.socket.resetAndDestroy();
  }

  closes(): void {
    this.socket.destroy();
  }

  async #until(holds: () => boolean, what: string): Promise<void> {
    const deadline = setTimeout(() => this.#wake(), PATIENCE_MS);
    const endMs = performance.now() + PATIENCE_MS;
    while (!holds()) {
      if (performance.now() >= endMs || this.#ended) {
        clearTimeout(deadline);
        throw new Error(`waited ${what}, got ${JSON.stringify(this.#received.slice(0, 2000))}`);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    clearTimeout(deadline);
  }

  #take(text: string): void {
    this.#received += text;
    this.#wake();
  }

  #end(): void {
    this.#ended = true;
    this.#wake();
  }
}

/** A client connected to a port of this machine. */
export async function connectPeer(port: number, host = "127.0.0.1"): Promise<Peer> {
  const socket = connect({ port, host, allowHalfOpen: true });
  await once(socket, "connect");
  return new Peer(socket);
}

/** A server whose connections are taken one by one. */
export class PeerServer {
  readonly #server: Server;
  readonly #waiting: ((peer: Peer) => void)[] = [];
  readonly #accepted: Peer[] = [];
  /** Connections so far. */
  connections = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => this.#take(new Peer(socket)));
  }

  static async listen(path?: string): Promise<PeerServer> {
    const server = createServer({ allowHalfOpen: true });
    if (path === undefined) server.listen(0, "127.0.0.1");
    else server.listen(path);
    await once(server, "listening");
    return new PeerServer(server);
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** The next connection, in the order in which they come. */
  accepts(): Promise<Peer> {
    const peer = this.#accepted.shift();
    if (peer !== undefined) return Promise.resolve(peer);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  close(): void {
    this.#server.close();
    for (const peer of this.#accepted) peer.closes();
  }

  #take(peer: Peer): void {
    this.connections++;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#accepted.push(peer);
    else waiting(peer);
  }
}
