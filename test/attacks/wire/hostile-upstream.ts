import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { CODES, SETTINGS_ACK, settings, TYPE } from "./frames.ts";

/** Longer than any proxy takes to say what it thinks. */
const PATIENCE_MS = 5000;
const PREFACE_BYTES = 24;

/** One connection of the proxy to an endpoint that means harm. */
export class HostileConnection {
  readonly socket: Socket;
  /** `HEADERS 1`, `RST_STREAM 1 CANCEL`, `GOAWAY PROTOCOL_ERROR`, `closed` and so on. */
  readonly events: string[] = [];
  #unread: Buffer = Buffer.alloc(0);
  #left = PREFACE_BYTES;
  #wake: () => void = () => undefined;
  readonly #onRequest: (stream: number) => void;

  constructor(socket: Socket, onRequest: (stream: number) => void) {
    this.socket = socket;
    this.#onRequest = onRequest;
    socket.on("error", () => undefined);
    socket.on("data", (bytes: Buffer) => this.#read(bytes));
    socket.on("close", () => this.#tell("closed"));
  }

  get closed(): boolean {
    return this.events.at(-1) === "closed";
  }

  /** False where the proxy has hung up. */
  async send(...parts: readonly Buffer[]): Promise<boolean> {
    if (this.closed || this.socket.destroyed) return false;
    if (!this.socket.write(Buffer.concat(parts))) await this.#drained();
    return !this.closed;
  }

  /** Waits until this has come, or the connection is over. */
  async sees(event: RegExp): Promise<boolean> {
    const end = performance.now() + PATIENCE_MS;
    const late = setTimeout(() => this.#wake(), PATIENCE_MS + 10);
    const found = (): boolean => this.events.some((one) => event.test(one));
    while (!found() && !this.closed && performance.now() < end) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    clearTimeout(late);
    return found();
  }

  /** What the proxy has said of it: a GOAWAY with a fault, a reset, or nothing. */
  get verdict(): string {
    const said = (pattern: RegExp): string | undefined =>
      this.events.find((event) => pattern.test(event));
    return (
      said(/^GOAWAY (?!NO_ERROR)/) ??
      said(/^RST_STREAM/)?.replace(/ \d+/, "") ??
      (this.closed ? "closed" : "nothing")
    );
  }

  #drained(): Promise<void> {
    const { socket } = this;
    return new Promise((resolve) => {
      const done = (): void => {
        socket.off("drain", done);
        socket.off("close", done);
        resolve();
      };
      socket.on("drain", done);
      socket.on("close", done);
    });
  }

  #read(bytes: Buffer): void {
    const skipped = Math.min(this.#left, bytes.length);
    this.#left -= skipped;
    this.#unread = Buffer.concat([this.#unread, bytes.subarray(skipped)]);
    while (this.#unread.length >= 9) {
      const length = this.#unread.readUIntBE(0, 3);
      if (this.#unread.length < 9 + length) return;
      const frame = this.#unread.subarray(0, 9 + length);
      this.#unread = this.#unread.subarray(9 + length);
      this.#readFrame(frame[3] ?? 0, frame.readUInt32BE(5) & 0x7fff_ffff, frame.subarray(9));
    }
  }

  #readFrame(type: number, stream: number, payload: Buffer): void {
    if (type === TYPE.reset) this.#tell(`RST_STREAM ${stream} ${CODES[payload.readUInt32BE(0)]}`);
    if (type === TYPE.goAway) this.#tell(`GOAWAY ${CODES[payload.readUInt32BE(4)]}`);
    if (type !== TYPE.headers) return;
    this.#tell(`HEADERS ${stream}`);
    this.#onRequest(stream);
  }

  #tell(event: string): void {
    if (this.closed) return;
    this.events.push(event);
    this.#wake();
  }
}

/** What an upstream does when a request comes. */
export type Misdeed = (connection: HostileConnection, stream: number) => Promise<unknown>;

/** A server of HTTP/2 whose answers are bytes that no server would send. */
export class HostileUpstream {
  readonly #server: Server;
  readonly connections: HostileConnection[] = [];
  /** What each request is met with. */
  misdeed: Misdeed = async () => undefined;
  /** What connections begin with. */
  greeting: Buffer = Buffer.concat([settings(), SETTINGS_ACK]);

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => {
      const connection: HostileConnection = new HostileConnection(socket, (stream) => {
        void this.misdeed(connection, stream);
      });
      this.connections.push(connection);
      socket.write(this.greeting);
    });
  }

  static async listen(): Promise<HostileUpstream> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new HostileUpstream(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Begins anew: what it did is forgotten, connections are closed. */
  reset(): void {
    for (const { socket } of this.connections.splice(0)) socket.destroy();
    this.greeting = Buffer.concat([settings(), SETTINGS_ACK]);
    this.misdeed = async () => undefined;
  }

  stop(): void {
    this.#server.close();
    this.reset();
  }
}
