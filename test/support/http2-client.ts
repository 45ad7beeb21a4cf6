/** A client of HTTP/2 without TLS: Node's own, so that ours does not test itself. */
import { once } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionOptions,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type Settings,
} from "node:http2";
import type { Socket } from "node:net";

/** Time that a client waits: far more than anything ever takes. */
const PATIENCE_MS = 30_000;

export interface Http2Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly trailers: IncomingHttpHeaders;
}

/** One request under way. */
export class Http2Call {
  readonly stream: ClientHttp2Stream;
  readonly #head: Promise<IncomingHttpHeaders>;
  readonly #closed: Promise<void>;
  #body = "";
  #trailers: IncomingHttpHeaders = {};
  #wake: () => void = () => undefined;
  /** Statuses of interim responses. */
  readonly interim: number[] = [];

  constructor(stream: ClientHttp2Stream) {
    this.stream = stream;
    this.#head = new Promise((resolve) => stream.once("response", resolve));
    this.#closed = new Promise((resolve) => stream.once("close", () => resolve()));
    stream.on("headers", (headers) => this.interim.push(Number(headers[":status"])));
    stream.on("trailers", (trailers) => {
      this.#trailers = trailers;
    });
    stream.on("error", () => undefined);
  }

  /** Reads the body, from now on. */
  reads(): this {
    this.stream.on("data", (bytes: Buffer) => {
      this.#body += bytes.toString("latin1");
      this.#wake();
    });
    return this;
  }

  get received(): string {
    return this.#body;
  }

  /** The response's head, as soon as it is there. */
  head(): Promise<IncomingHttpHeaders> {
    return within(this.#head, "a response's head");
  }

  /** The whole response. */
  async answer(): Promise<Http2Answer> {
    const headers = await this.head();
    this.reads();
    await within(this.#closed, "a response's end");
    const { rstCode } = this.stream;
    if (rstCode !== 0) throw new Error(`the stream was reset with ${rstCode}`);
    const status = Number(headers[":status"]);
    return { status, headers, body: this.#body, trailers: this.#trailers };
  }

  /** Waits until this text has come. */
  async receives(text: string): Promise<void> {
    while (!this.#body.includes(text)) {
      const more = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await within(more, JSON.stringify(text));
    }
  }

  /** Waits for the stream's end; gives the code that it was reset with, 0 for none. */
  async ends(): Promise<number> {
    this.stream.resume();
    await within(this.#closed, "a stream's end");
    return this.stream.rstCode;
  }

  resets(): void {
    this.stream.close(constants.NGHTTP2_CANCEL);
  }
}

export class Http2Client {
  readonly session: ClientHttp2Session;
  readonly #ended: Promise<void>;

  private constructor(session: ClientHttp2Session) {
    this.session = session;
    this.#ended = new Promise((resolve) => session.once("close", () => resolve()));
    session.on("error", () => undefined);
  }

  /** Connects, and knows the server's settings. `settings`: its own. */
  static connect(port: number, settings: Settings = {}): Promise<Http2Client> {
    return Http2Client.#over(port, settings, {});
  }

  /** Over a connection that is there, as through a CONNECT tunnel. */
  static through(socket: Socket): Promise<Http2Client> {
    return Http2Client.#over(0, {}, { createConnection: () => socket });
  }

  static async #over(
    port: number,
    settings: Settings,
    more: ClientSessionOptions,
  ): Promise<Http2Client> {
    // In MB: it resets streams itself when more of its bodies wait to be sent.
    const session = connect(`http://127.0.0.1:${port}`, {
      ...more,
      settings,
      maxSessionMemory: 1000,
    });
    const client = new Http2Client(session);
    await within(once(session, "remoteSettings"), "the server's settings");
    return client;
  }

  /**
   * Opens a stream; its request ends with `end()` or, where `last`, with its head. `trailers`
   * follow the body.
   */
  opens(
    path: string,
    headers: OutgoingHttpHeaders = {},
    last = true,
    trailers: OutgoingHttpHeaders = {},
  ): Http2Call {
    const target = path === "" ? {} : { ":path": path };
    const all = { ...target, ":authority": "a", ...headers };
    const waitForTrailers = Object.keys(trailers).length > 0;
    const stream = this.session.request(all, { endStream: last, waitForTrailers });
    stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    return new Http2Call(stream);
  }

  /** Asks for a tunnel. */
  connects(authority: string): Http2Call {
    const head = { ":method": "CONNECT", ":authority": authority };
    return new Http2Call(this.session.request(head, { endStream: false }));
  }

  gets(path: string, headers: OutgoingHttpHeaders = {}): Promise<Http2Answer> {
    return this.opens(path, headers).answer();
  }

  posts(path: string, body: string, headers: OutgoingHttpHeaders = {}): Promise<Http2Answer> {
    const call = this.opens(path, { ":method": "POST", ...headers }, false);
    call.stream.end(body);
    return call.answer();
  }

  /** Waits for the connection's end. */
  ends(): Promise<void> {
    return within(this.#ended, "the connection's end");
  }

  closes(): void {
    this.session.destroy();
  }
}

async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited for ${what}`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
