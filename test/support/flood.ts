/** Bytes without end from one side of a proxy, and the other side that does not take them. */
import { once } from "node:events";
import http2 from "node:http2";
import net from "node:net";
import tls from "node:tls";

const PIECE = Buffer.alloc(64 * 1024, "x");
const HEAD_END = "\r\n\r\n";

export type FloodProtocol = "http1" | "http2" | "websocket" | "tcp" | "tls";
export type Direction = "download" | "upload";

/** Anything that bytes are written into. */
interface Sink {
  readonly writableLength: number;
  readonly destroyed: boolean;
  write(bytes: Buffer): boolean;
  on(event: "drain", listener: () => void): unknown;
}

/**
 * Writes `total` bytes as fast as they are taken, and knows how many have gone. It does not end:
 * Node's HTTP/2 server may then reset the stream before its end has been sent.
 */
class Pour {
  readonly #sink: Sink;
  readonly #total: number;
  #written = 0;

  constructor(sink: Sink, total: number) {
    this.#sink = sink;
    this.#total = total;
    sink.on("drain", () => this.#pour());
    this.#pour();
  }

  /** What the kernel, or the connection, has taken. */
  get gone(): number {
    return this.#written - this.#sink.writableLength;
  }

  #pour(): void {
    while (this.#written < this.#total && !this.#sink.destroyed) {
      this.#written += PIECE.length;
      if (!this.#sink.write(PIECE)) return;
    }
  }
}

export interface FloodOptions {
  readonly protocol: FloodProtocol;
  readonly direction: Direction;
  /** Bytes of each body. */
  readonly total: number;
  /** A client's certificate and trust, for `tls`. */
  readonly secure?: tls.ConnectionOptions;
}

/** One side pours into as many connections as there are, the other reads nothing until it may. */
export class Flood {
  readonly #options: FloodOptions;
  readonly #pours: Pour[] = [];
  readonly #closers: (() => void)[] = [];
  readonly #held: { resume(): unknown }[] = [];
  /** Bytes that the side which held back has read since. */
  read = 0;
  #port = 0;

  private constructor(options: FloodOptions) {
    this.#options = options;
  }

  /** Starts the origin. */
  static async start(options: FloodOptions): Promise<Flood> {
    const flood = new Flood(options);
    await (options.protocol === "http2" ? flood.#serveHttp2() : flood.#serve());
    return flood;
  }

  /** Of the origin. */
  get port(): number {
    return this.#port;
  }

  /** What has left the pouring side. */
  get gone(): number {
    return this.#pours.reduce((sum, pour) => sum + pour.gone, 0);
  }

  get pouring(): number {
    return this.#pours.length;
  }

  /** Sides that read nothing. */
  get holding(): number {
    return this.#held.length;
  }

  /** Resolves when nothing more goes. */
  async settled(): Promise<number> {
    let last = -1;
    for (let same = 0; same < 10; ) {
      await new Promise((later) => setTimeout(later, 50));
      same = this.gone === last ? same + 1 : 0;
      last = this.gone;
    }
    return last;
  }

  /** A client of the proxy at this port. */
  async client(port: number): Promise<void> {
    if (this.#options.protocol === "http2") this.#clientHttp2(port);
    else await this.#client(port);
  }

  /** Whoever held back reads from now on. */
  release(): void {
    for (const held of this.#held.splice(0)) held.resume();
  }

  stop(): void {
    for (const close of this.#closers) close();
  }

  get #download(): boolean {
    return this.#options.direction === "download";
  }

  #hold(side: net.Socket | http2.Http2Stream): void {
    side.pause();
    this.#held.push({
      resume: () => {
        side.on("data", (bytes: Buffer) => {
          this.read += bytes.length;
        });
        side.resume();
      },
    });
  }

  async #serve(): Promise<void> {
    const server = net.createServer((socket) => this.#serveOne(socket));
    await this.#listens(server);
  }

  #serveOne(socket: net.Socket): void {
    const { protocol, total } = this.#options;
    socket.on("error", () => undefined);
    this.#closers.push(() => socket.destroy());
    const begin = (): void => {
      if (this.#download) this.#pours.push(new Pour(socket, total));
      else this.#hold(socket);
    };
    if (protocol === "tcp") {
      begin();
      return;
    }
    let head = "";
    const onData = (bytes: Buffer): void => {
      head += bytes.toString("latin1");
      const end = head.indexOf(HEAD_END);
      if (end < 0) return;
      socket.off("data", onData);
      this.read += head.length - end - HEAD_END.length;
      if (protocol === "websocket") {
        socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n");
        socket.write(`Upgrade: websocket${HEAD_END}`);
      } else if (this.#download) {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}${HEAD_END}`);
      }
      begin();
    };
    socket.on("data", onData);
  }

  async #serveHttp2(): Promise<void> {
    const server = http2.createServer();
    server.on("session", (session) => this.#closers.push(() => session.destroy()));
    server.on("stream", (stream) => {
      stream.on("error", () => undefined);
      (stream as http2.ServerHttp2Stream).respond({ ":status": 200 });
      if (this.#download) this.#pours.push(new Pour(stream, this.#options.total));
      else this.#hold(stream);
    });
    await this.#listens(server);
  }

  async #listens(server: net.Server | http2.Http2Server): Promise<void> {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    this.#port = (server.address() as net.AddressInfo).port;
    this.#closers.push(() => server.close());
  }

  async #client(port: number): Promise<void> {
    const { protocol, secure, total } = this.#options;
    const host = "127.0.0.1";
    const socket =
      secure === undefined ? net.connect(port, host) : tls.connect({ ...secure, port });
    socket.on("error", () => undefined);
    this.#closers.push(() => socket.destroy());
    await once(socket, secure === undefined ? "connect" : "secureConnect");
    if (protocol !== "tcp") socket.write(this.#head(protocol, total));
    if (protocol === "websocket") {
      const [bytes] = (await once(socket, "data")) as [Buffer];
      this.read += bytes.length - bytes.indexOf(HEAD_END) - HEAD_END.length;
    }
    if (this.#download) this.#hold(socket);
    else this.#pours.push(new Pour(socket, total));
  }

  #head(protocol: FloodProtocol, total: number): string {
    const upgrade = "Connection: Upgrade\r\nUpgrade: websocket";
    if (protocol === "websocket") return `GET / HTTP/1.1\r\nHost: a\r\n${upgrade}${HEAD_END}`;
    if (this.#download) return `GET / HTTP/1.1\r\nHost: a${HEAD_END}`;
    return `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${total}${HEAD_END}`;
  }

  #clientHttp2(port: number): void {
    const session = http2.connect(`http://127.0.0.1:${port}`);
    session.on("error", () => undefined);
    this.#closers.push(() => session.destroy());
    const method = this.#download ? "GET" : "POST";
    const stream = session.request({ ":path": "/", ":method": method });
    stream.on("error", () => undefined);
    if (this.#download) this.#hold(stream);
    else this.#pours.push(new Pour(stream, this.#options.total));
  }
}
