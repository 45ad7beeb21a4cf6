import { HeaderTable } from "../../codec/http/header-table.ts";
import type { ResponseMessage } from "../../codec/http/message.ts";
import type { Host } from "../cluster/host.ts";
import type { UpstreamCluster } from "../cluster/upstream-cluster.ts";
import { Deadline, type DeadlineOwner } from "../deadline.ts";
import { reportOf } from "../reply/reset.ts";
import { HostChoice } from "../retry/host-choice.ts";
import type { RequestPool } from "../upstream/request-pool.ts";
import type { ResetReason, StreamHandler } from "../upstream/stream-handler.ts";
import type { UpstreamStream } from "../upstream/upstream-stream.ts";
import { Question, type QuestionText } from "./question.ts";

/** A whole answer. */
export interface SideAnswer {
  readonly status: number;
  /** A copy: it is the asker's. */
  readonly headers: HeaderTable;
  readonly body: Buffer;
  /** Empty where there were none. */
  readonly trailers: HeaderTable;
}

/** Why there is none; `too long`: more body than was allowed. */
export type SideFailure = "no host" | "timeout" | "too long" | ResetReason;

/** Exactly one of the two is called, maybe before `start` returns. */
export interface SideCallOwner {
  onAnswer(answer: SideAnswer): void;
  onFailure(failure: SideFailure): void;
}

export interface SideCallLimits {
  /** From the start to the last byte; 0 sets none. */
  readonly timeoutMs: number;
  /** Of the answer's body. */
  readonly bodyBytesMax: number;
}

const TIMED_OUT = 504;

/**
 * ```
 *   waiting -> asking -> over      answered, or failed
 * ```
 */
type State = "waiting" | "asking" | "over";

/**
 * A request of the proxy's own to a cluster, and its whole answer in memory (Envoy:
 * AsyncClient). It counts in the cluster's statistics and limits as others do; it is not retried.
 */
export class SideCall implements StreamHandler, DeadlineOwner {
  readonly #owner: SideCallOwner;
  readonly #limits: SideCallLimits;
  readonly #cluster: UpstreamCluster;
  readonly #text: QuestionText;
  readonly #timer: Deadline;
  readonly #pieces: Buffer[] = [];
  readonly #headers = new HeaderTable();
  readonly #trailers = new HeaderTable();
  #bytes = 0;
  #status = 0;
  #state: State = "waiting";
  #startedAtMs = 0;
  #question: Question | undefined;
  #host: Host | undefined;
  #pool: RequestPool | undefined;
  #stream: UpstreamStream | undefined;

  constructor(
    text: QuestionText,
    cluster: UpstreamCluster,
    limits: SideCallLimits,
    owner: SideCallOwner,
  ) {
    this.#cluster = cluster;
    this.#limits = limits;
    this.#owner = owner;
    this.#text = text;
    this.#timer = new Deadline(cluster.context.clock, this, "side call");
  }

  start(): void {
    const { clock, random } = this.#cluster.context;
    const host = new HostChoice(random).next(this.#cluster, undefined, undefined);
    if (host === undefined) {
      this.#cluster.stats.count("upstream_cx_none_healthy");
      this.#fail("no host");
      return;
    }
    this.#startedAtMs = clock.now();
    this.#timer.set(this.#startedAtMs, this.#limits.timeoutMs);
    this.#host = host;
    const question = new Question(this.#text, host.transport.tls !== undefined);
    this.#question = question;
    this.#pool = host.poolFor(question.version);
    this.#pool.acquire(this, question.method);
  }

  /** Nobody wants the answer any more, and nobody is told. */
  cancel(): void {
    const { state, stream } = { state: this.#state, stream: this.#stream };
    if (state === "over") return;
    if (state === "waiting") this.#pool?.cancel(this);
    this.#end();
    stream?.abandon();
  }

  onConnection(stream: UpstreamStream): void {
    this.#state = "asking";
    this.#stream = stream;
    if (this.#host !== undefined) this.#host.activeRequests++;
    this.#cluster.stats.requestSent();
    const question = this.#question as Question;
    const { bytes, head } = question;
    stream.sendHead(head, question);
    // It may be over already.
    if (this.#stream === stream && bytes.length > 0) stream.sendData(bytes, 0, bytes.length);
    if (this.#stream === stream) stream.sendEnd();
  }

  onNoConnection(reason: ResetReason): void {
    this.#cluster.stats.responded(reportOf(reason).status, true);
    this.#fail(reason);
  }

  onResponseHead(head: ResponseMessage): void {
    if (head.status === 101) {
      this.#giveUp("protocol error");
      return;
    }
    if (head.status < 200) return;
    this.#status = head.status;
    this.#headers.copy(head.headers);
    this.#cluster.stats.responded(head.status, true);
  }

  onResponseData(bytes: Buffer, start: number, end: number): void {
    this.#bytes += end - start;
    if (this.#bytes > this.#limits.bodyBytesMax) this.#giveUp("too long");
    // A copy: what was read shares memory with what is read next.
    else this.#pieces.push(Buffer.from(bytes.subarray(start, end)));
  }

  onResponseTrailers(trailers: HeaderTable): void {
    this.#trailers.copy(trailers);
  }

  onResponseEnd(): void {
    const { clock } = this.#cluster.context;
    this.#cluster.stats.responseTime(clock.now() - this.#startedAtMs, true);
    const body = Buffer.concat(this.#pieces);
    this.#end();
    this.#owner.onAnswer({
      status: this.#status,
      headers: this.#headers,
      body,
      trailers: this.#trailers,
    });
  }

  onTunnelData(): void {
    // Nothing that we ask is upgraded.
  }

  onTunnelEnd(): void {
    // Likewise.
  }

  onReset(reason: ResetReason): void {
    if (this.#status === 0) this.#cluster.stats.responded(reportOf(reason).status, true);
    this.#fail(reason);
  }

  onUpstreamBlocked(): void {
    // The question is short, and lies in memory anyway.
  }

  onUpstreamDrained(): void {
    // Likewise.
  }

  onFault(error: unknown): void {
    this.#cluster.context.faults.report(error);
    this.#giveUp("local reset");
  }

  onDeadline(): void {
    this.#cluster.stats.count("upstream_rq_timeout");
    if (this.#status === 0) this.#cluster.stats.responded(TIMED_OUT, true);
    this.#giveUp("timeout");
  }

  #giveUp(failure: SideFailure): void {
    if (this.#state === "over") return;
    this.cancel();
    this.#owner.onFailure(failure);
  }

  #fail(failure: SideFailure): void {
    if (this.#state === "over") return;
    this.#end();
    this.#owner.onFailure(failure);
  }

  /** Releases what it holds of its cluster. */
  #end(): void {
    const begun = this.#state === "asking";
    this.#state = "over";
    this.#stream = undefined;
    this.#pieces.length = 0;
    this.#timer.dispose();
    if (!begun) return;
    if (this.#host !== undefined) this.#host.activeRequests--;
    this.#cluster.stats.requestEnded();
    this.#cluster.limits.releaseRequest();
  }
}
