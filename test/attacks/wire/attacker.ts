import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { CODES, PREFACE, settings, TYPE } from "./frames.ts";

/** Far longer than any proxy takes, on a machine that has much else to do. */
const PATIENCE_MS = 5000;
/** A flood is handed to the kernel in pieces of this size. */
const PIECE_BYTES = 64 * 1024;
const FAULT = /^GOAWAY (?!NO_ERROR)/;

/** What all attackers of one attack have sent. */
export interface Spent {
  bytes: number;
  connections: number;
}

/** A connection of somebody hostile: bytes out, and a protocol of what came back. */
export class Attacker {
  readonly socket: Socket;
  /**
   * In HTTP/2 `SETTINGS`, `HEADERS 1`, `DATA 1`, `RST_STREAM 1 CANCEL`, `GOAWAY NO_ERROR` and so
   * on; in HTTP/1.1 status lines; `closed` once the connection is over.
   */
  readonly events: string[] = [];
  readonly #spent: Spent;
  #unread: Buffer = Buffer.alloc(0);
  #http2: boolean;
  #wake: () => void = () => undefined;

  private constructor(socket: Socket, spent: Spent, http2: boolean) {
    this.socket = socket;
    this.#spent = spent;
    this.#http2 = http2;
    spent.connections++;
    socket.on("error", () => undefined);
    socket.on("data", (bytes: Buffer) => this.#read(bytes));
    socket.on("end", () => socket.end());
    socket.on("close", () => this.#tell("closed"));
  }

  /** A connection that nothing was sent on. */
  static async open(port: number, spent: Spent, tls?: ConnectionOptions): Promise<Attacker> {
    const where = { port, host: "127.0.0.1" };
    const socket = tls === undefined ? connectTcp(where) : connectTls({ ...where, ...tls });
    socket.setNoDelay(true);
    const attacker = new Attacker(socket, spent, false);
    if (!attacker.closed) await once(socket, tls === undefined ? "connect" : "secureConnect");
    return attacker;
  }

  /** A connection of HTTP/2: its preface and SETTINGS are sent. */
  static async openHttp2(
    port: number,
    spent: Spent,
    pairs: readonly (readonly [number, number])[] = [],
    tls?: ConnectionOptions,
  ): Promise<Attacker> {
    const attacker = await Attacker.open(port, spent, tls);
    attacker.#http2 = true;
    await attacker.send(PREFACE, settings(...pairs));
    return attacker;
  }

  /** Answers are frames from now on. */
  speaksHttp2(): void {
    this.#http2 = true;
  }

  get closed(): boolean {
    return this.events.at(-1) === "closed";
  }

  /** Sends as fast as the proxy takes it; false where the connection has ended first. */
  async send(...parts: readonly (Buffer | string)[]): Promise<boolean> {
    const bytes = Buffer.concat(parts.map((part) => Buffer.from(part as string, "latin1")));
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      const piece = bytes.subarray(at, at + PIECE_BYTES);
      if (this.closed || this.socket.destroyed) return false;
      this.#spent.bytes += piece.length;
      if (!this.socket.write(piece)) await this.#drained();
    }
    return !this.closed;
  }

  /** Sends bytes turn by turn, many at a time; stops where it is told to, or cut off. */
  async flood(times: number, bytes: (turn: number) => Buffer): Promise<void> {
    for (let turn = 0; turn < times; ) {
      const parts: Buffer[] = [];
      let size = 0;
      while (turn < times && size < PIECE_BYTES) {
        const part = bytes(turn++);
        parts.push(part);
        size += part.length;
      }
      if (!(await this.send(...parts))) return;
      // Room to hear of the end.
      await new Promise((resolve) => setImmediate(resolve));
      if (this.count(FAULT) > 0) return;
    }
  }

  /** How often this has come. */
  count(event: string | RegExp): number {
    return this.events.filter((one) => matches(one, event)).length;
  }

  /** Waits until this has come, or the connection is over; false where neither happened in time. */
  async sees(event: string | RegExp, times = 1, patience: number = PATIENCE_MS): Promise<boolean> {
    const found = (): boolean => this.count(event) >= times;
    const end = performance.now() + patience;
    const late = setTimeout(() => this.#wake(), patience + 10);
    while (!found() && !this.closed && performance.now() < end) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    clearTimeout(late);
    return found();
  }

  /**
   * What became of it, in a word, once there is one: `GOAWAY <code>` (the connection must end),
   * `RST_STREAM <code>` (all that were seen), `closed` or `nothing`.
   */
  async verdict(): Promise<string> {
    await this.sees(/^GOAWAY (?!NO_ERROR)|^RST_STREAM|^\d\d\d/);
    const away = this.events.find((event) => FAULT.test(event));
    if (away !== undefined) {
      return (await this.sees("closed")) ? away : `${away}, but the connection stays`;
    }
    const codes = this.events.flatMap((event) => /^RST_STREAM \d+ (\w+)$/.exec(event)?.[1] ?? []);
    if (codes.length > 0) return `RST_STREAM ${[...new Set(codes)].join(" and ")}`;
    const status = this.events.find((event) => /^\d\d\d$/.test(event));
    return status ?? (this.closed ? "closed" : "nothing");
  }

  /** Goes away. */
  async leave(): Promise<void> {
    this.socket.destroy();
    await this.sees("closed");
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
    this.#unread = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes]);
    if (this.#http2 && this.#unread.subarray(0, 5).toString("latin1") !== "HTTP/") {
      this.#readFrames();
    } else this.#readStatuses();
  }

  #readStatuses(): void {
    const text = this.#unread.toString("latin1");
    for (const [, status = ""] of text.matchAll(/HTTP\/1\.[01] (\d\d\d) [^\n]*\n/g)) {
      this.#tell(status);
    }
    // Enough to see a status line that was cut.
    const last = text.lastIndexOf("HTTP/1.");
    const line = last < 0 ? -1 : text.indexOf("\n", last);
    this.#unread = this.#unread.subarray(last >= 0 && line < 0 ? last : text.length);
  }

  #readFrames(): void {
    let bytes = this.#unread;
    while (bytes.length >= 9) {
      const length = bytes.readUIntBE(0, 3);
      if (bytes.length < 9 + length) break;
      const stream = bytes.readUInt32BE(5) & 0x7fff_ffff;
      this.#readFrame(bytes[3] ?? 0, bytes[4] ?? 0, stream, bytes.subarray(9, 9 + length));
      bytes = bytes.subarray(9 + length);
    }
    this.#unread = bytes;
  }

  #readFrame(type: number, flags: number, stream: number, payload: Buffer): void {
    if (type === TYPE.reset) this.#tell(`RST_STREAM ${stream} ${CODES[payload.readUInt32BE(0)]}`);
    else if (type === TYPE.goAway) this.#tell(`GOAWAY ${CODES[payload.readUInt32BE(4)]}`);
    else if (type === TYPE.headers) this.#tell(`HEADERS ${stream}`);
    else if (type === TYPE.settings) this.#tell((flags & 1) === 0 ? "SETTINGS" : "SETTINGS ack");
    else if (type === TYPE.ping) this.#tell((flags & 1) === 0 ? "PING" : "PING ack");
    else if (type === TYPE.data) {
      this.#tell(`DATA ${stream}`);
      if ((flags & 1) === 1) this.#tell(`END ${stream}`);
    }
    if (type === TYPE.headers && (flags & 1) === 1) this.#tell(`END ${stream}`);
  }

  #tell(event: string): void {
    if (this.closed) return;
    this.events.push(event);
    this.#wake();
  }
}

function matches(event: string, wanted: string | RegExp): boolean {
  return typeof wanted === "string" ? event === wanted : wanted.test(event);
}
