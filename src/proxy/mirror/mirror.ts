// hot path: no allocation per request
import { HeaderTable } from "../../codec/http/header-table.ts";
import type { ResponseMessage } from "../../codec/http/message.ts";
import type { Host } from "../cluster/host.ts";
import { Deadline, type DeadlineOwner } from "../deadline.ts";
import { reportOf } from "../reply/reset.ts";
import type { RequestPool } from "../upstream/request-pool.ts";
import type { ResetReason, StreamHandler } from "../upstream/stream-handler.ts";
import type { UpstreamStream } from "../upstream/upstream-stream.ts";
import type { MirroredRequest } from "./mirrored-request.ts";

/** So much of a body waits for a mirror that is slower than the request's own upstream. */
const WAITING_BYTES_MAX = 1024 * 1024;
/** Where the route has no timeout: nobody else waits for a mirror that never answers. */
const DURATION_MS_MAX = 300_000;
const TIMED_OUT = 504;

/**
 * ```
 *   waiting -> sending -> sent -> over
 *      |          |         |
 *      +----------+---------+-> over: refused, too slow, or the request was not completed
 * ```
 */
type State = "waiting" | "sending" | "sent" | "over";

/**
 * A detached attempt: a copy of a request on its way to another cluster. It takes what the request
 * has, never asks it to wait, and tells nobody how it went but its cluster's statistics.
 */
export class Mirror implements StreamHandler, DeadlineOwner {
  readonly #request: MirroredRequest;
  readonly #host: Host;
  readonly #pool: RequestPool;
  readonly #timer: Deadline;
  readonly #timeoutMs: number;
  #state: State = "waiting";
  #stream: UpstreamStream | undefined;
  /** What came while there was no connection, or while it took no more. */
  readonly #pieces: Buffer[] = [];
  #bytes = 0;
  #blocked = false;
  /** The request has ended, with trailers or without. */
  #complete = false;
  readonly #trailers = new HeaderTable();
  #hasTrailers = false;
  #answered = false;
  #completeMs = 0;

  /** `timeoutMs`: the route's; 0: it has none. */
  constructor(request: MirroredRequest, host: Host, timeoutMs: number) {
    this.#request = request;
    this.#host = host;
    this.#timeoutMs = timeoutMs > 0 ? timeoutMs : DURATION_MS_MAX;
    this.#pool = host.poolFor(request.version);
    this.#timer = new Deadline(host.cluster.context.clock, this, "mirror");
  }

  start(): void {
    this.#pool.acquire(this, this.#request.method);
  }

  /** More of the request's body. */
  sendData(bytes: Buffer, start: number, end: number): void {
    if (this.#state === "over") return;
    if (this.#state === "sending" && !this.#blocked && this.#bytes === 0) {
      this.#stream?.sendData(bytes, start, end);
    } else {
      this.#keep(bytes, start, end);
    }
  }

  /** The request is complete: from here on the mirror is on its own. */
  end(trailers: HeaderTable | undefined): void {
    if (this.#state === "over") return;
    this.#complete = true;
    const nowMs = this.#host.cluster.context.clock.now();
    this.#completeMs = nowMs;
    this.#timer.set(nowMs, this.#timeoutMs);
    if (trailers !== undefined) {
      this.#trailers.copy(trailers);
      this.#hasTrailers = true;
    }
    if (this.#state === "sending" && this.#bytes === 0) this.#sendEnd();
  }

  /** The request will never be complete, so neither will its copy. */
  abort(): void {
    if (!this.#complete) this.#giveUp();
  }

  onConnection(stream: UpstreamStream): void {
    this.#state = "sending";
    this.#stream = stream;
    this.#host.activeRequests++;
    this.#host.cluster.stats.requestSent();
    stream.sendHead(this.#request.head, this.#request);
    if (this.#stream === stream) this.#flush();
  }

  onNoConnection(reason: ResetReason): void {
    this.#host.cluster.stats.responded(reportOf(reason).status, true);
    this.#end();
  }

  onResponseHead(head: ResponseMessage): void {
    if (head.status === 101) {
      this.#giveUp();
      return;
    }
    if (head.status < 200) return;
    this.#answered = true;
    this.#host.cluster.stats.responded(head.status, true);
  }

  onResponseData(): void {
    // Nobody reads it.
  }

  onResponseTrailers(): void {
    // Nor these.
  }

  onResponseEnd(): void {
    const { stats, context } = this.#host.cluster;
    if (this.#completeMs > 0) stats.responseTime(context.clock.now() - this.#completeMs, true);
    this.#end();
  }

  onTunnelData(): void {
    // Upgrades are not mirrored.
  }

  onTunnelEnd(): void {
    // Likewise.
  }

  onReset(reason: ResetReason): void {
    if (!this.#answered) this.#host.cluster.stats.responded(reportOf(reason).status, true);
    this.#end();
  }

  onUpstreamBlocked(): void {
    this.#blocked = true;
  }

  onUpstreamDrained(): void {
    this.#blocked = false;
    this.#flush();
  }

  onFault(error: unknown): void {
    this.#host.cluster.context.faults.report(error);
    this.#giveUp();
  }

  onDeadline(): void {
    const { stats } = this.#host.cluster;
    stats.count("upstream_rq_timeout");
    if (!this.#answered) stats.responded(TIMED_OUT, true);
    this.#giveUp();
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    this.#bytes += end - start;
    if (this.#bytes > WAITING_BYTES_MAX) {
      this.#giveUp();
      return;
    }
    // A copy: what was read shares memory with what is read next.
    this.#pieces.push(Buffer.from(bytes.subarray(start, end)));
  }

  #flush(): void {
    if (this.#state !== "sending") return;
    while (this.#pieces.length > 0 && !this.#blocked) {
      const piece = this.#pieces.shift() as Buffer;
      this.#bytes -= piece.length;
      this.#stream?.sendData(piece, 0, piece.length);
    }
    if (this.#pieces.length === 0 && this.#complete) this.#sendEnd();
  }

  /** Once: a second end would be read as the next request on this connection. */
  #sendEnd(): void {
    this.#state = "sent";
    if (this.#hasTrailers) this.#stream?.sendTrailers(this.#trailers);
    else this.#stream?.sendEnd();
  }

  #giveUp(): void {
    const { state, stream } = { state: this.#state, stream: this.#stream };
    if (state === "over") return;
    if (state === "waiting") this.#pool.cancel(this);
    this.#end();
    stream?.abandon();
  }

  /** Releases what it holds of its cluster. */
  #end(): void {
    const begun = this.#state === "sending" || this.#state === "sent";
    this.#state = "over";
    this.#stream = undefined;
    this.#pieces.length = 0;
    this.#bytes = 0;
    this.#timer.dispose();
    if (!begun) return;
    this.#host.activeRequests--;
    this.#host.cluster.stats.requestEnded();
    this.#host.cluster.limits.releaseRequest();
  }
}
