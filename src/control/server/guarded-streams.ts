import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import type { Node } from "../../model/bootstrap.ts";
import { Outbox } from "../../xds/stream/outbox.ts";

/** Decides who may have a stream, and what is told on it. */
export interface StreamGuard {
  /** Before anything is read. Throws a ConnectError for whoever may not have one. */
  admit(context: HandlerContext, end: (error: ConnectError) => void): StreamWarden;
}

/** Watches over one stream; calls `end` of its own when its time is over. */
export interface StreamWarden {
  /** The proxy has shown who it is: it may be told secrets that are its own. */
  readonly known: boolean;
  /** One request more; throws a ConnectError where these are too many. */
  request(): void;
  /** Before anything is told to this node. Throws a ConnectError where it is somebody else's. */
  check(node: Node): void;
  /** The stream is over. */
  leave(): void;
}

/** Streams that may be served on several ports. */
export interface StreamService {
  register(router: ConnectRouter, guard?: StreamGuard): void;
  /** Ends every stream. */
  end(): void;
}

/** Whoever reaches a port of this machine alone is believed. */
export const TRUSTING: StreamGuard = {
  admit: () => ({ known: false, request: () => {}, check: () => {}, leave: () => {} }),
};

/** A stream of which the first message has been taken. */
export interface GuardedStream<Answer> {
  readonly warden: StreamWarden;
  readonly outbox: Outbox<Answer>;
}

export interface GuardedStreamsOptions<Asked, Answer, Stream extends GuardedStream<Answer>> {
  /** At one time, those included that have not said anything yet. */
  readonly streamsMax: number;
  /** The first message has come; throws a ConnectError where it cannot begin a stream. */
  begin(first: Asked, parts: GuardedStream<Answer>): Stream;
  /** Each message, the first included; throws a ConnectError where it is not allowed. */
  take(stream: Stream, message: Asked): void;
}

/** The streams of one service, on all ports: each under a guard, and all of them counted. */
export class GuardedStreams<Asked, Answer, Stream extends GuardedStream<Answer>> {
  /** Those that have begun. */
  readonly open: Set<Stream> = new Set();
  readonly #options: GuardedStreamsOptions<Asked, Answer, Stream>;
  #admitted = 0;

  constructor(options: GuardedStreamsOptions<Asked, Answer, Stream>) {
    this.#options = options;
  }

  async *serve(
    messages: AsyncIterable<Asked>,
    context: HandlerContext,
    guard: StreamGuard,
  ): AsyncGenerator<Answer> {
    const { streamsMax } = this.#options;
    if (this.#admitted >= streamsMax) {
      throw new ConnectError(`more than ${streamsMax} streams`, Code.ResourceExhausted);
    }
    const outbox = new Outbox<Answer>();
    const warden = guard.admit(context, (error) => outbox.fail(error));
    context.signal.addEventListener("abort", () => outbox.end());
    void this.#receive(messages, { outbox, warden });
    yield* outbox.drain();
  }

  end(): void {
    for (const { outbox } of this.open) outbox.end();
  }

  /** Reads until the other side hangs up or says something that is not allowed. */
  async #receive(messages: AsyncIterable<Asked>, parts: GuardedStream<Answer>): Promise<void> {
    const { outbox, warden } = parts;
    let stream: Stream | undefined;
    this.#admitted++;
    try {
      for await (const message of messages) {
        warden.request();
        stream ??= this.#begin(message, parts);
        this.#options.take(stream, message);
      }
      outbox.end();
    } catch (error) {
      outbox.fail(ConnectError.from(error));
    } finally {
      this.#admitted--;
      warden.leave();
      if (stream !== undefined) this.open.delete(stream);
    }
  }

  #begin(first: Asked, parts: GuardedStream<Answer>): Stream {
    const stream = this.#options.begin(first, parts);
    this.open.add(stream);
    return stream;
  }
}
