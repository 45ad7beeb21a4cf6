/** The load: requests at a fixed rate, or one after the other, each of them accounted for. */
import { randomUUID } from "node:crypto";
import { GrpcSender } from "./client/grpc.ts";
import { Http1Sender } from "./client/http1.ts";
import { Http2Sender } from "./client/http2.ts";
import type { Sender, Target } from "./client/sender.ts";
import { tcpSender } from "./client/tcp.ts";
import { webSocketSender } from "./client/websocket.ts";
import type { LoadRequest, Outcome, Protocol } from "./request.ts";

export interface LoadOptions {
  readonly port: number;
  readonly protocol: Protocol;
  /**
   * Open loop: so many requests a second, due at times that answers do not move; latency counts
   * from when a request was due. Without a rate closed loop: each of `connections` clients sends
   * its next request when it has its answer.
   */
  readonly ratePerSecond?: number;
  /** Ends by itself after so many; else `stop` ends it. */
  readonly requests?: number;
  /** Default 16; for HTTP/2 and gRPC 2, in a closed loop with `clients` on them. */
  readonly connections?: number;
  /** In a closed loop; default as many as there are connections. */
  readonly clients?: number;
  /** Of requests that are POST, from 0 to 1; default 0.25. */
  readonly postShare?: number;
  /** Of a POST; default 512. */
  readonly bodyBytes?: number;
  /** Default 512. */
  readonly replyBytes?: number;
  /** Default 10 seconds. */
  readonly timeoutMs?: number;
  readonly host?: string;
  readonly authority?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One request and how it ended. */
export interface LoadRecord {
  readonly request: LoadRequest;
  readonly protocol: Protocol;
  readonly outcome: Outcome;
  readonly latencyMs: number;
  /** On the clock of `performance.now()`. */
  readonly dueAtMs: number;
}

export interface Load {
  /** Sent so far. */
  readonly sent: number;
  /** Ended so far. */
  readonly records: readonly LoadRecord[];
  /** Resolves when so many have been sent, counted from the start of the load. */
  sentAtLeast(count: number): Promise<void>;
  /** Resolves when so many more have ended; a way to wait that follows the load. */
  more(count: number): Promise<void>;
  /** Sends no more; resolves with all of them when the last has ended. */
  stop(): Promise<readonly LoadRecord[]>;
  /** Resolves where `requests` says when it ends. */
  readonly done: Promise<readonly LoadRecord[]>;
}

/** Starts to send. Never fails: what goes wrong is in the records. */
export function startLoad(options: LoadOptions): Load {
  return new RunningLoad(options);
}

/** A load of so many requests, to its end. */
export function runLoad(
  options: LoadOptions & { requests: number },
): Promise<readonly LoadRecord[]> {
  return startLoad(options).done;
}

function multiplexes(protocol: Protocol): boolean {
  return protocol === "http2" || protocol === "grpc";
}

function senderOf(protocol: Protocol, target: Target): Sender {
  switch (protocol) {
    case "http1":
      return new Http1Sender(target);
    case "http2":
      return new Http2Sender(target);
    case "grpc":
      return new GrpcSender(target);
    case "websocket":
      return webSocketSender(target);
    case "tcp":
      return tcpSender(target);
  }
}

function targetOf(options: LoadOptions): Target {
  const { port, protocol, host = "127.0.0.1", path = "/", headers = {} } = options;
  const { authority = "ledger.example", connections = multiplexes(protocol) ? 2 : 16 } = options;
  return { host, port, authority, path, headers, connections };
}

class RunningLoad implements Load {
  readonly records: LoadRecord[] = [];
  readonly done: Promise<readonly LoadRecord[]>;
  readonly #options: LoadOptions;
  readonly #sender: Sender;
  readonly #requestsMax: number;
  #watchers: { readonly holds: () => boolean; readonly then: () => void }[] = [];
  #ending = false;
  #sent = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#requestsMax = options.requests ?? Number.POSITIVE_INFINITY;
    const target = targetOf(options);
    this.#sender = senderOf(options.protocol, target);
    const { ratePerSecond, clients = target.connections } = options;
    this.done = this.#finish(
      ratePerSecond === undefined ? this.#closedLoop(clients) : this.#openLoop(ratePerSecond),
    );
  }

  get sent(): number {
    return this.#sent;
  }

  sentAtLeast(count: number): Promise<void> {
    return this.#until(() => this.#sent >= count);
  }

  more(count: number): Promise<void> {
    const wanted = this.records.length + count;
    return this.#until(() => this.records.length >= wanted);
  }

  stop(): Promise<readonly LoadRecord[]> {
    this.#ending = true;
    this.#look();
    return this.done;
  }

  get #over(): boolean {
    return this.#ending || this.#sent >= this.#requestsMax;
  }

  get #allEnded(): boolean {
    return this.#ending && this.records.length === this.#sent;
  }

  async #finish(loop: Promise<void>): Promise<readonly LoadRecord[]> {
    await loop;
    await this.#until(() => this.records.length === this.#sent);
    this.#sender.close();
    this.#ending = true;
    this.#look();
    return this.records;
  }

  async #closedLoop(clients: number): Promise<void> {
    const client = async (): Promise<void> => {
      while (!this.#over) await this.#send(performance.now());
    };
    await Promise.all(Array.from({ length: clients }, client));
  }

  /** A timer that comes late sends all that was due until then. */
  async #openLoop(ratePerSecond: number): Promise<void> {
    const start = performance.now();
    const intervalMs = 1000 / ratePerSecond;
    while (!this.#over) {
      for (let due = start + this.#sent * intervalMs; due <= performance.now() && !this.#over; ) {
        void this.#send(due);
        due += intervalMs;
      }
      await new Promise((tick) => setTimeout(tick, 1));
    }
  }

  async #send(dueAtMs: number): Promise<void> {
    const { protocol, timeoutMs = 10_000 } = this.#options;
    const request = this.#next();
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), timeoutMs);
    const outcome = await this.#sender.send(request, abort.signal);
    clearTimeout(timer);
    const latencyMs = performance.now() - dueAtMs;
    this.records.push({ request, protocol, outcome, latencyMs, dueAtMs });
    this.#look();
  }

  /** Methods are spread evenly, so that any stretch of the load has both. */
  #next(): LoadRequest {
    const { postShare = 0.25, bodyBytes = 512, replyBytes = 512 } = this.#options;
    const at = this.#sent++;
    const post = Math.floor((at + 1) * postShare) > Math.floor(at * postShare);
    const method = post ? "POST" : "GET";
    return { id: randomUUID(), method, bodyBytes: post ? bodyBytes : 0, replyBytes };
  }

  /** Resolves when it holds, or when nothing will change any more. */
  async #until(holds: () => boolean): Promise<void> {
    if (holds() || this.#allEnded) return;
    await new Promise<void>((then) => this.#watchers.push({ holds, then }));
  }

  #look(): void {
    const ready = this.#watchers.filter(({ holds }) => this.#allEnded || holds());
    this.#watchers = this.#watchers.filter((watcher) => !ready.includes(watcher));
    for (const { then } of ready) then();
  }
}
