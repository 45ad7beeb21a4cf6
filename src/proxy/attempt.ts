// hot path: no allocation per request
import { chunkHead, LAST_CHUNK } from "../codec/h1/chunk-writer.ts";
import type { ResponseParser } from "../codec/h1/response-parser.ts";
import type { Host } from "./cluster/host.ts";
import { Deadline, type DeadlineOwner } from "./deadline.ts";
import type { Exchange } from "./exchange.ts";
import { requestText } from "./route/finalize.ts";
import type { UpstreamConnection } from "./upstream/connection.ts";
import type { ResetReason, StreamHandler } from "./upstream/stream-handler.ts";

/**
 * One try of an exchange at one host.
 *
 * ```
 *   idle -> waiting -> sending -> over
 *              |          |
 *              +----------+-> failed (told to the exchange) -> idle, for the next try
 * ```
 */
type State = "idle" | "waiting" | "sending";

export class Attempt implements StreamHandler, DeadlineOwner {
  readonly #exchange: Exchange;
  readonly #perTry: Deadline;
  #state: State = "idle";
  #host: Host | undefined;
  #connection: UpstreamConnection | undefined;
  #chunked = false;
  #headArrived = false;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    this.#perTry = new Deadline(exchange.context.clock, this, "perTry");
  }

  get host(): Host | undefined {
    return this.#host;
  }

  /** A connection is there: the body may flow. */
  get sending(): boolean {
    return this.#state === "sending";
  }

  get localAddress(): string {
    return this.#connection?.localAddress ?? "";
  }

  /** Goes for a connection to the host. */
  start(host: Host): void {
    this.#state = "waiting";
    this.#host = host;
    this.#headArrived = false;
    host.pool.acquire(this, this.#exchange.request.method);
  }

  /** The time for this try runs from the moment that the request is complete. */
  startClock(nowMs: number, perTryTimeoutMs: number): void {
    if (perTryTimeoutMs > 0) this.#perTry.set(nowMs, perTryTimeoutMs);
  }

  onConnection(connection: UpstreamConnection): void {
    const host = this.#host as Host;
    this.#state = "sending";
    this.#connection = connection;
    host.activeRequests++;
    host.cluster.stats.requestSent();
    this.#chunked = this.#exchange.requestChunked;
    connection.writer.text(requestText(this.#exchange.request, this.#exchange.head));
    this.#exchange.onAttemptReady();
  }

  sendData(bytes: Buffer, start: number, end: number): void {
    const writer = this.#connection?.writer;
    if (writer === undefined) return;
    if (this.#chunked) writer.text(chunkHead(end - start));
    writer.bytes(bytes, start, end);
    if (this.#chunked) writer.text("\r\n");
  }

  sendEnd(): void {
    if (this.#chunked) this.#connection?.writer.text(LAST_CHUNK);
    this.#connection?.requestSent();
  }

  sendTunnel(bytes: Buffer, start: number, end: number): void {
    this.#connection?.writer.bytes(bytes, start, end);
  }

  endTunnel(): void {
    this.#connection?.endTunnel();
  }

  pauseReading(): void {
    this.#connection?.pauseReading();
  }

  resumeReading(): void {
    this.#connection?.resumeReading();
  }

  /** Stops, whatever it is doing; nobody is told. */
  cancel(): void {
    const connection = this.#connection;
    if (this.#state === "waiting") this.#host?.pool.cancel(this);
    else if (this.#state === "sending") {
      this.#leave();
      connection?.abandon();
    }
    this.#rest();
  }

  onNoConnection(reason: ResetReason, detail: string): void {
    this.#rest();
    this.#exchange.onAttemptFailed(reason, detail, false);
  }

  onResponseHead(head: ResponseParser): void {
    if (head.status < 200 && head.status !== 101) {
      this.#exchange.onInterimHead(head);
      return;
    }
    this.#headArrived = true;
    this.#perTry.clear();
    if (head.status === 101) {
      this.#exchange.onInterimHead(head);
      return;
    }
    this.#exchange.onAttemptHead(head);
  }

  onResponseData(bytes: Buffer, start: number, end: number): void {
    this.#exchange.onResponseData(bytes, start, end);
  }

  onResponseEnd(): void {
    this.#leave();
    this.#rest();
    this.#exchange.onResponseEnd();
  }

  onTunnelData(bytes: Buffer, start: number, end: number): void {
    this.#exchange.tunnel.fromUpstream(bytes, start, end);
  }

  onTunnelEnd(): void {
    this.#exchange.tunnel.upstreamEnd();
  }

  onReset(reason: ResetReason): void {
    const headArrived = this.#headArrived;
    this.#leave();
    this.#rest();
    if (headArrived) this.#exchange.onResponseTruncated(reason);
    else this.#exchange.onAttemptFailed(reason, "", true);
  }

  onUpstreamBlocked(): void {
    this.#exchange.flow.upstreamBlocked();
  }

  onUpstreamDrained(): void {
    this.#exchange.flow.upstreamDrained();
  }

  onFault(error: unknown): void {
    this.#leave();
    this.#rest();
    this.#exchange.onFault(error);
  }

  onDeadline(): void {
    this.#host?.cluster.stats.count("upstream_rq_per_try_timeout");
    this.cancel();
    this.#exchange.onPerTryTimeout();
  }

  dispose(): void {
    this.#perTry.dispose();
  }

  #leave(): void {
    const host = this.#host;
    if (host === undefined || this.#state !== "sending") return;
    host.activeRequests--;
    host.cluster.stats.requestEnded();
    host.cluster.limits.releaseRequest();
  }

  #rest(): void {
    this.#state = "idle";
    this.#connection = undefined;
    this.#perTry.clear();
  }
}
