import type { EventEmitter } from "node:events";
import { Readable } from "node:stream";
import * as grpc from "@grpc/grpc-js";

/** What a client asks of the service below, each message. */
export interface Ask {
  readonly text: string;
  /** The answer is this status, of all servers or that of this name. */
  readonly fail?: { readonly code: number; readonly details: string; readonly at?: string };
  /** No answer ever comes. */
  readonly silent?: boolean;
  /** Server streaming: so many answers. */
  readonly answers?: number;
}

export interface Answer {
  /** The server's name. */
  readonly from: string;
  readonly text: string;
}

/** How a call ended for its client. */
export interface Ending {
  readonly code: number;
  readonly details: string;
  readonly answers: readonly Answer[];
  /** Names in lower case. */
  readonly metadata: Readonly<Record<string, grpc.MetadataValue>>;
  readonly trailers: Readonly<Record<string, grpc.MetadataValue>>;
}

/** A call as the server saw it. */
export interface SeenCall {
  readonly method: string;
  readonly metadata: Readonly<Record<string, grpc.MetadataValue>>;
  /** Milliseconds that its `grpc-timeout` left; infinite without one. */
  readonly leftMs: number;
  /** The server has said all that it will. */
  answered: boolean;
  /** The client gave it up before that. */
  cancelled: boolean;
}

type CallShape = "unary" | "serverStream" | "clientStream" | "bidi";

interface Shape {
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

function method(name: string, shape: Shape): grpc.MethodDefinition<Ask, Answer> {
  return {
    path: `/echo.Echo/${name}`,
    ...shape,
    requestSerialize: toBytes,
    requestDeserialize: fromBytes<Ask>,
    responseSerialize: toBytes,
    responseDeserialize: fromBytes<Answer>,
  };
}

function toBytes(value: Ask | Answer): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function fromBytes<T>(bytes: Buffer): T {
  return JSON.parse(bytes.toString()) as T;
}

/** One method of each shape; messages are JSON, which gRPC does not mind. */
const ECHO: Readonly<Record<CallShape, grpc.MethodDefinition<Ask, Answer>>> = {
  unary: method("Unary", { requestStream: false, responseStream: false }),
  serverStream: method("ServerStream", { requestStream: false, responseStream: true }),
  clientStream: method("ClientStream", { requestStream: true, responseStream: false }),
  bidi: method("Bidi", { requestStream: true, responseStream: true }),
};

type AnyServerCall =
  | grpc.ServerUnaryCall<Ask, Answer>
  | grpc.ServerWritableStream<Ask, Answer>
  | grpc.ServerReadableStream<Ask, Answer>
  | grpc.ServerDuplexStream<Ask, Answer>;

/** A real gRPC server that says its name, or does as each message asks. */
export class EchoServer {
  readonly name: string;
  readonly seen: SeenCall[] = [];
  readonly #server = new grpc.Server();
  #port = 0;

  private constructor(name: string) {
    this.name = name;
    this.#server.addService(ECHO, {
      unary: (call, callback) => this.#unary(call, callback),
      serverStream: (call) => this.#serverStream(call),
      clientStream: (call, callback) => this.#clientStream(call, callback),
      bidi: (call) => this.#bidi(call),
    } satisfies grpc.UntypedServiceImplementation & Handlers);
  }

  /** On a free port of the loopback address. */
  static async listen(
    name: string,
    credentials: grpc.ServerCredentials = grpc.ServerCredentials.createInsecure(),
  ): Promise<EchoServer> {
    const echo = new EchoServer(name);
    echo.#port = await new Promise<number>((resolve, reject) => {
      echo.#server.bindAsync("127.0.0.1:0", credentials, (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
    return echo;
  }

  get port(): number {
    return this.#port;
  }

  /** For further services, as health. */
  get server(): grpc.Server {
    return this.#server;
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  #note(call: AnyServerCall): SeenCall {
    const deadline = call.getDeadline();
    const leftMs = Number(deadline) - Date.now();
    const seen = {
      method: call.getPath(),
      metadata: call.metadata.getMap(),
      leftMs,
      answered: false,
      cancelled: false,
    };
    this.seen.push(seen);
    (call as EventEmitter).on("cancelled", () => {
      seen.cancelled = !seen.answered;
    });
    return seen;
  }

  #answer(text: string): Answer {
    return { from: this.name, text };
  }

  #failure({ fail }: Ask): Ask["fail"] {
    return fail?.at === undefined || fail.at === this.name ? fail : undefined;
  }

  #unary(call: grpc.ServerUnaryCall<Ask, Answer>, callback: grpc.sendUnaryData<Answer>): void {
    const seen = this.#note(call);
    const { silent, text } = call.request;
    const fail = this.#failure(call.request);
    if (silent === true) return;
    seen.answered = true;
    if (fail !== undefined) {
      callback({ ...fail, metadata: trailers() });
      return;
    }
    call.sendMetadata(metadataOf("x-server", this.name));
    callback(null, this.#answer(text), trailers());
  }

  #serverStream(call: grpc.ServerWritableStream<Ask, Answer>): void {
    const seen = this.#note(call);
    const { answers = 1, silent, text } = call.request;
    const fail = this.#failure(call.request);
    for (let i = 0; i < answers; i++) call.write(this.#answer(`${text} ${i}`));
    if (silent === true) return;
    seen.answered = true;
    if (fail !== undefined) call.emit("error", fail);
    else call.end(trailers());
  }

  #clientStream(
    call: grpc.ServerReadableStream<Ask, Answer>,
    callback: grpc.sendUnaryData<Answer>,
  ): void {
    const seen = this.#note(call);
    const texts: string[] = [];
    call.on("data", ({ text }: Ask) => texts.push(text));
    call.on("end", () => {
      seen.answered = true;
      callback(null, this.#answer(texts.join(" ")), trailers());
    });
  }

  #bidi(call: grpc.ServerDuplexStream<Ask, Answer>): void {
    const seen = this.#note(call);
    call.on("data", ({ text }: Ask) => call.write(this.#answer(text)));
    call.on("end", () => {
      seen.answered = !call.cancelled;
      call.end(trailers());
    });
  }
}

interface Handlers {
  readonly unary: grpc.handleUnaryCall<Ask, Answer>;
  readonly serverStream: grpc.handleServerStreamingCall<Ask, Answer>;
  readonly clientStream: grpc.handleClientStreamingCall<Ask, Answer>;
  readonly bidi: grpc.handleBidiStreamingCall<Ask, Answer>;
}

function metadataOf(name: string, value: string): grpc.Metadata {
  const metadata = new grpc.Metadata();
  metadata.set(name, value);
  return metadata;
}

function trailers(): grpc.Metadata {
  return metadataOf("x-trailer", "last");
}

export interface CallOptions {
  readonly deadlineMs?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A call that is under way. */
export interface RunningCall {
  readonly ending: Promise<Ending>;
  /** Answers so far. */
  readonly answers: readonly Answer[];
  /** Sends one more message of a client's stream. */
  send(ask: Ask): void;
  /** The last message has been sent. */
  end(): void;
  cancel(): void;
}

type AnyClientCall = grpc.ClientUnaryCall & {
  write?(ask: Ask): void;
  end?(): void;
};

/** A real gRPC client with one connection of its own. It never retries by itself. */
export class EchoClient {
  readonly #client: grpc.Client;

  /** `authority` is what the proxy in between routes by. */
  constructor(
    port: number,
    credentials: grpc.ChannelCredentials = grpc.credentials.createInsecure(),
    authority = "echo.test",
  ) {
    this.#client = new grpc.Client(`127.0.0.1:${port}`, credentials, {
      "grpc.default_authority": authority,
      "grpc.ssl_target_name_override": authority,
      "grpc.enable_http_proxy": 0,
      "grpc.enable_retries": 0,
      "grpc.use_local_subchannel_pool": 1,
    });
  }

  stop(): void {
    this.#client.close();
  }

  unary(ask: Ask, options: CallOptions = {}): Promise<Ending> {
    return this.start("unary", ask, options).ending;
  }

  serverStream(ask: Ask, options: CallOptions = {}): Promise<Ending> {
    return this.start("serverStream", ask, options).ending;
  }

  clientStream(asks: readonly Ask[], options: CallOptions = {}): Promise<Ending> {
    return this.#all("clientStream", asks, options);
  }

  bidi(asks: readonly Ask[], options: CallOptions = {}): Promise<Ending> {
    return this.#all("bidi", asks, options);
  }

  /** Begins a call; `first` is the one message where the client sends no stream. */
  start(shape: CallShape, first: Ask | undefined, options: CallOptions = {}): RunningCall {
    const answers: Answer[] = [];
    const take = (answer: Answer | undefined): void => {
      if (answer !== undefined) answers.push(answer);
    };
    const call = this.#call(shape, first ?? { text: "" }, options, take);
    if (first !== undefined) call.write?.(first);
    return {
      answers,
      ending: endingOf(call, answers),
      send: (ask) => call.write?.(ask),
      end: () => call.end?.(),
      cancel: () => call.cancel(),
    };
  }

  #all(shape: "clientStream" | "bidi", asks: readonly Ask[], options: CallOptions) {
    const call = this.start(shape, undefined, options);
    for (const ask of asks) call.send(ask);
    call.end();
    return call.ending;
  }

  #call(
    shape: CallShape,
    ask: Ask,
    options: CallOptions,
    take: (answer: Answer | undefined) => void,
  ): AnyClientCall {
    const { path, requestSerialize: write, responseDeserialize: read } = ECHO[shape];
    const metadata = new grpc.Metadata();
    for (const [name, value] of Object.entries(options.metadata ?? {})) metadata.set(name, value);
    const { deadlineMs } = options;
    const settings = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
    const client = this.#client;
    const done = (_: unknown, answer?: Answer): void => take(answer);
    if (shape === "unary") {
      return client.makeUnaryRequest(path, write, read, ask, metadata, settings, done);
    }
    if (shape === "clientStream") {
      return client.makeClientStreamRequest(path, write, read, metadata, settings, done);
    }
    const stream =
      shape === "serverStream"
        ? client.makeServerStreamRequest(path, write, read, ask, metadata, settings)
        : client.makeBidiStreamRequest(path, write, read, metadata, settings);
    return stream.on("data", take).on("error", () => undefined) as AnyClientCall;
  }
}

/** Resolves when the status is there and, of a stream, all answers have been read. */
async function endingOf(call: AnyClientCall, answers: readonly Answer[]): Promise<Ending> {
  let metadata = {};
  call.on("metadata", (received: grpc.Metadata) => {
    metadata = received.getMap();
  });
  const status = new Promise<grpc.StatusObject>((resolve) => call.on("status", resolve));
  const read = new Promise<void>((resolve) => {
    if (call instanceof Readable) call.on("end", resolve);
    else resolve();
  });
  await read;
  const { code, details, metadata: trailers } = await status;
  return { code, details, answers, metadata, trailers: trailers.getMap() };
}
