/**
 * Sockets without a kernel. Once `replaceNet` has been called, whoever imports node:net gets them:
 * what listens takes connections from `accept`, what connects reaches an origin of `onConnect`.
 * Nothing that they do allocates once it is warm, so that what is measured is the proxy's own.
 */
import { X509Certificate } from "node:crypto";
import { EventEmitter } from "node:events";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";
import tls from "node:tls";

/** The other side of a connection. */
export interface FarEnd {
  /** What the proxy writes. */
  onText(text: string): void;
  onBytes(bytes: Uint8Array): void;
}

interface OnRead {
  readonly buffer: Buffer | (() => Buffer);
  readonly callback: (length: number, buffer: Buffer) => boolean;
}

/** A connection, seen from outside. In the proxy it is the handle, which sockets hand on. */
export class Line {
  readonly farEnd: FarEnd;
  /** The socket that reads now. */
  socket: FakeSocket | undefined;
  readonly #written: (() => void)[] = [];

  constructor(farEnd: FarEnd) {
    this.farEnd = farEnd;
  }

  /** The other side sends. */
  deliver(bytes: Buffer): void {
    this.socket?.receive(bytes);
  }

  wrote(done: () => void): void {
    this.#written.push(done);
  }

  /** The kernel has taken everything that was written. */
  settle(): void {
    const written = this.#written;
    for (let i = 0; i < written.length; i++) written[i]?.();
    written.length = 0;
  }
}

interface FakeOptions {
  readonly handle: Line;
  readonly onread?: OnRead;
}

/** As much of node:net's Socket as the proxy uses. */
class FakeSocket extends EventEmitter {
  readonly remoteAddress = "127.0.0.1";
  readonly remotePort = 1;
  readonly remoteFamily = "IPv4";
  readonly localAddress = "127.0.0.1";
  readonly localPort = 2;
  readonly localFamily = "IPv4";
  readonly writableNeedDrain = false;
  readonly writableLength = 0;
  readonly allowHalfOpen = true;
  readonly readableEnded = false;
  destroyed = false;
  _handle: Line | null;
  readonly #onread: OnRead | undefined;

  constructor({ handle, onread }: FakeOptions) {
    super();
    this._handle = handle;
    this.#onread = onread;
    handle.socket = this;
  }

  receive(bytes: Buffer): void {
    const onread = this.#onread;
    if (onread === undefined) {
      this.emit("data", bytes);
      return;
    }
    const into = typeof onread.buffer === "function" ? onread.buffer() : onread.buffer;
    bytes.copy(into);
    onread.callback(bytes.length, into);
  }

  write(data: string | Uint8Array, how: unknown): boolean {
    const line = this._handle;
    if (line === null) throw new Error("written to a socket that was handed over");
    if (typeof data === "string") line.farEnd.onText(data);
    else line.farEnd.onBytes(data);
    if (typeof how === "function") line.wrote(how as () => void);
    return true;
  }

  cork(): void {}
  uncork(): void {}
  pause(): this {
    return this;
  }
  resume(): this {
    return this;
  }
  isPaused(): boolean {
    return false;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  setTimeout(): this {
    return this;
  }
  end(): this {
    return this.destroy();
  }
  destroySoon(): void {
    this.destroy();
  }
  destroy(): this {
    if (this.destroyed) return this;
    this.destroyed = true;
    setImmediate(() => this.emit("close", false));
    return this;
  }
}

/** The proxy's end of a handshake that went well, after which nothing is encrypted. */
class FakeTlsSocket extends FakeSocket {
  readonly alpnProtocol: string;
  readonly ssl = { verifyError: (): null => null };
  readonly #peer: X509Certificate;

  constructor(options: FakeOptions, alpn: string, peer: X509Certificate) {
    super(options);
    this.alpnProtocol = alpn;
    this.#peer = peer;
  }

  getPeerX509Certificate(): X509Certificate {
    return this.#peer;
  }
  getEphemeralKeyInfo(): object {
    return {};
  }
  getProtocol(): string {
    return "TLSv1.3";
  }
  getCipher(): { readonly name: string } {
    return { name: "TLS_AES_128_GCM_SHA256" };
  }
  isSessionReused(): boolean {
    return false;
  }
}

type Take = (socket: FakeSocket) => void;
const listeners: Take[] = [];

class FakeServer extends EventEmitter {
  constructor(take: Take) {
    super();
    listeners.push(take);
  }

  listen(...args: readonly unknown[]): this {
    const done = args.at(-1);
    if (typeof done === "function") setImmediate(done as () => void);
    return this;
  }

  address(): net.AddressInfo {
    return { address: "127.0.0.1", family: "IPv4", port: 2 };
  }

  close(): this {
    return this;
  }
}

/** A client connects to what was listened on last. */
export function accept(farEnd: FarEnd): Line {
  const line = new Line(farEnd);
  listeners.at(-1)?.(new FakeSocket({ handle: line }));
  return line;
}

const standard: unknown[] = [];

/** @param onConnect Makes the origin of a connection that the proxy opens. */
export function replaceNet(onConnect: () => Line): void {
  const connect = ({ onread }: { readonly onread?: OnRead }): FakeSocket => {
    const handle = onConnect();
    const socket = new FakeSocket(onread === undefined ? { handle } : { handle, onread });
    setImmediate(() => socket.emit("connect"));
    return socket;
  };
  const createServer = (_: unknown, take: Take): FakeServer => new FakeServer(take);
  // Where they are pipes they are sockets, made when they are first asked for.
  standard.push(process.stdin, process.stdout, process.stderr);
  Object.assign(net, { connect, createServer, Socket: FakeSocket });
  syncBuiltinESMExports();
}

/**
 * The same for connections over TLS, which meet an endpoint that selects the first protocol that it
 * is offered.
 *
 * @param certificate Of the endpoint, PEM.
 */
export function replaceTls(onConnect: () => Line, certificate: string): void {
  const peer = new X509Certificate(certificate);
  const connect = (options: tls.ConnectionOptions & { readonly onread?: OnRead }): FakeSocket => {
    const { ALPNProtocols: offer, onread } = options;
    const alpn = Array.isArray(offer) ? String(offer[0]) : firstOf(offer);
    const fake = { handle: onConnect(), ...(onread === undefined ? {} : { onread }) };
    const socket = new FakeTlsSocket(fake, alpn, peer);
    setImmediate(() => socket.emit("secureConnect"));
    return socket;
  };
  Object.assign(tls, { connect });
  syncBuiltinESMExports();
}

/** Names with their lengths before them, as they travel (RFC 7301, 3.1). */
function firstOf(offer: unknown): string {
  if (!(offer instanceof Uint8Array)) return "";
  return Buffer.from(offer.subarray(1, 1 + (offer[0] ?? 0))).toString("latin1");
}
