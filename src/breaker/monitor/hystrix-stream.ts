import { type Clock, systemClock, type Timer } from "../clock.ts";
import type { Monitored } from "./prometheus.ts";
import { streamData } from "./stream-data.ts";

export interface HystrixStreamOptions {
  /** Between two reports of all commands. Default 500, as Hystrix. */
  readonly intervalMs?: number;
  /** Who comes after so many gets a 503. Default 5, as Hystrix. */
  readonly maxConnections?: number;
  readonly clock?: Clock;
}

/** What is used of Node's `http.ServerResponse`, and of `http2`'s. */
export interface StreamResponse {
  writeHead(status: number, headers: Readonly<Record<string, string>>): unknown;
  /** False: what was written waits in memory. */
  write(text: string): boolean;
  end(text?: string): unknown;
  on(event: "close" | "drain", listener: () => void): unknown;
  /** The client has left. */
  readonly destroyed?: boolean;
}

const HEADERS = {
  "content-type": "text/event-stream;charset=UTF-8",
  "cache-control": "no-cache, no-store, max-age=0, must-revalidate",
  pragma: "no-cache",
};
const PING = "ping: \n\n";

/** Where one reader's events go; false: it has not read the last ones yet. */
interface Sink {
  isReady(): boolean;
  write(text: string): void;
}

/**
 * `hystrix.stream`: server-sent events for the Hystrix Dashboard and Turbine. One report of all
 * commands each interval; a ping where there are none. A reader that does not keep up misses
 * reports, it does not fill the memory.
 */
export class HystrixStream {
  readonly #commands: Iterable<Monitored>;
  readonly #intervalMs: number;
  readonly #maxConnections: number;
  readonly #clock: Clock;
  #connections = 0;

  /** `commands` is read anew for each report. */
  constructor(commands: Iterable<Monitored>, options: HystrixStreamOptions = {}) {
    this.#commands = commands;
    this.#intervalMs = options.intervalMs ?? 500;
    if (!(this.#intervalMs > 0)) throw new RangeError(`intervalMs ${this.#intervalMs}: above 0`);
    this.#maxConnections = options.maxConnections ?? 5;
    this.#clock = options.clock ?? systemClock;
  }

  get connections(): number {
    return this.#connections;
  }

  /** A Response for servers that speak fetch: `Deno.serve`, `Bun.serve`, Hono, workers. */
  response(): Response {
    if (this.#connections >= this.#maxConnections) return new Response(FULL, { status: 503 });
    let stop: (() => void) | undefined;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        const bytes = new TextEncoder();
        stop = this.#feed({
          isReady: () => (controller.desiredSize ?? 0) > 0,
          write: (text) => controller.enqueue(bytes.encode(text)),
        });
      },
      cancel: () => stop?.(),
    });
    return new Response(body, { headers: HEADERS });
  }

  /** For Node's servers, Express too: `http.createServer(stream.handler)`. */
  readonly handler = (_request: unknown, response: StreamResponse): void => {
    if (this.#connections >= this.#maxConnections) {
      response.writeHead(503, { "content-type": "text/plain;charset=UTF-8" });
      response.end(FULL);
      return;
    }
    // It would never say that it closes.
    if (response.destroyed === true) return;
    response.writeHead(200, HEADERS);
    let isFull = false;
    response.on("drain", () => {
      isFull = false;
    });
    const stop = this.#feed({
      isReady: () => !isFull,
      write: (text) => {
        isFull = !response.write(text);
      },
    });
    response.on("close", stop);
  };

  /** Feeds a reader until the result is called. */
  #feed(sink: Sink): () => void {
    this.#connections++;
    let timer: Timer | undefined;
    let open = true;
    const report = (): void => {
      if (sink.isReady()) sink.write(this.#report());
      if (open) timer = this.#clock.after(this.#intervalMs, report);
    };
    report();
    return () => {
      if (!open) return;
      open = false;
      this.#connections--;
      timer?.cancel();
    };
  }

  #report(): string {
    let text = "";
    for (const { stats } of this.#commands) {
      text += `data: ${JSON.stringify(streamData(stats.snapshot()))}\n\n`;
    }
    return text === "" ? PING : text;
  }
}

const FULL = "MaxConcurrentConnections reached\n";
