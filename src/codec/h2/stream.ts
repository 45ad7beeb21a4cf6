// hot path: no allocation per request
import { HeaderTable } from "../http/header-table.ts";
import {
  type ErrorCode,
  FLOW_CONTROL_ERROR,
  NO_ERROR,
  PROTOCOL_ERROR,
  REFUSED_STREAM,
} from "./error-code.ts";
import type { FrameWriter } from "./frame/frame-writer.ts";
import type { StreamOwner } from "./owner.ts";
import type { Ending } from "./receive/closed-streams.ts";
import { Http2Request } from "./request.ts";
import type { HeadWriter } from "./send/head-writer.ts";
import { SendQueue } from "./send/send-queue.ts";
import type { Sender } from "./send/sender.ts";
import { WINDOW_MAX } from "./settings.ts";

/** More than this in the queue: `onBlocked`. The queue grows by one more of the feeder's reads. */
const QUEUE_HIGH_BYTES = 64 * 1024;
/** Less than this after that: `onWritable`. */
const QUEUE_LOW_BYTES = 16 * 1024;

/**
 * RFC 9113 section 5.1; nothing is ever reserved, as server push is refused.
 * ```
 *             head sent or taken            this side ends
 *   "idle" ----------------------> "open" ------------------> "halfClosedLocal"
 *                                    |                                 |
 *                                    | the peer ends                   | the peer ends
 *                                    v           this side ends        v
 *                            "halfClosedRemote" -----------------> "closed"
 *   any state: RST_STREAM of either side, or the connection's end --> "closed"
 * ```
 * This side has ended when its END_STREAM is written, not yet while DATA waits before it.
 */
export type StreamState = "idle" | "open" | "halfClosedLocal" | "halfClosedRemote" | "closed";

/** What decides how a response is read: `head` has no body, after 2xx the others are tunnels. */
export type RequestKind = "plain" | "head" | "connect" | "extendedConnect";

/** What a stream needs of its session. */
export interface StreamHost {
  readonly heads: HeadWriter;
  readonly sender: Sender;
  readonly writer: FrameWriter;
  /** What the peer may send on a stream before it hears of more room. */
  readonly streamWindow: number;
  /** So much has come for a paused stream; and that is over. */
  hold(bytes: number): void;
  release(bytes: number): void;
  /** Client: gives the stream its id. False where the session takes no further streams. */
  open(stream: Stream): boolean;
  /** The stream is over. */
  close(stream: Stream, ending: Ending): void;
}

class Nobody implements StreamOwner {
  readonly message = new Http2Request();
  onHead(): void {}
  onData(): void {}
  onTrailers(): void {}
  onEnd(): void {}
  onReset(): void {}
  onBlocked(): void {}
  onWritable(): void {}
}

export const NOBODY: StreamOwner = new Nobody();
const NO_TRAILERS = new HeaderTable();

/**
 * One request and its response. Pooled: nobody keeps it past `onStreamClosed`. What is sent on a
 * closed stream is dropped.
 */
export class Stream {
  /** 0 until the request is sent (client). */
  id = 0;
  state: StreamState = "idle";
  owner: StreamOwner = NOBODY;
  kind: RequestKind = "plain";
  /** What the head that opened it takes on the wire (server). */
  headBytes = 0;
  /** Milliseconds of the session owner's clock. */
  openedAt = 0;
  readonly #host: StreamHost;

  /** What the peer takes; less than 0 after SETTINGS that take some of it back. */
  sendWindow = 0;
  readonly queue: SendQueue = new SendQueue();
  /** What follows the queue. */
  ending: "no" | "end" | "trailers" = "no";
  /** Waits for its turn to send. */
  hasTurn = false;
  /** A final head was sent: a reset from now on is no longer premature. */
  headSent = false;
  #blocked = false;
  #trailers: HeaderTable = NO_TRAILERS;
  #lastFrameAt = 0;
  #lastFrameFlushes = -1;

  receiveWindow = 0;
  /** The final head has come: DATA or trailers may follow. */
  headReceived = false;
  /** DATA that still has to come, -1 where that is unknown. */
  bodyLeft = -1;
  #unacknowledged = 0;
  #paused = false;
  /** What has come while it was paused. */
  #held = 0;
  #restRefused = false;

  constructor(host: StreamHost) {
    this.#host = host;
  }

  /** Bytes of DATA that wait for windows or for the socket. */
  get queuedBytes(): number {
    return this.queue.length;
  }

  /**
   * Client: the head. `protocol` other than "" makes it an extended CONNECT (RFC 8441), whatever
   * `method` says; a plain CONNECT has neither scheme nor path. Returns the bytes written: none
   * where the session has meanwhile ended, and `onReset` with REFUSED_STREAM was called.
   */
  sendRequest(
    method: string,
    scheme: string,
    authority: string,
    path: string,
    protocol: string,
    headers: HeaderTable,
    endStream: boolean,
  ): number {
    if (this.state !== "idle" || !this.#host.open(this)) return this.#refuse();
    this.#begin();
    const { heads } = this.#host;
    heads.startRequest(protocol === "" ? method : "CONNECT", authority);
    this.kind = kindOf(method, protocol);
    if (this.kind !== "connect") heads.target(scheme, path);
    if (protocol !== "") heads.protocol(protocol);
    return this.#sendHead(headers, endStream);
  }

  /** Server: a head, interim (1xx) or final. Returns the bytes written. */
  sendResponse(status: number, headers: HeaderTable, endStream: boolean): number {
    if (!this.#canSend()) return 0;
    this.headSent = status >= 200;
    this.#host.heads.startResponse(status);
    return this.#sendHead(headers, endStream);
  }

  /** Written at once where windows and `output` allow it, else copied. */
  sendData(bytes: Buffer, start: number, end: number): void {
    if (start === end || !this.#canSend()) return;
    this.#host.sender.send(this, bytes, start, end);
    if (this.#blocked || this.queue.length <= QUEUE_HIGH_BYTES) return;
    this.#blocked = true;
    this.owner.onBlocked();
  }

  /** Ends this side's half with trailers, behind all DATA. */
  sendTrailers(headers: HeaderTable): void {
    if (!this.#canSend()) return;
    if (this.queue.length === 0) {
      this.#sendTrailersNow(headers);
      return;
    }
    this.ending = "trailers";
    if (this.#trailers === NO_TRAILERS) this.#trailers = new HeaderTable();
    this.#trailers.copy(headers);
  }

  /** Ends this side's half, behind all DATA. */
  end(): void {
    if (!this.#canSend()) return;
    if (this.queue.length > 0) {
      this.ending = "end";
      return;
    }
    const { sender, writer } = this.#host;
    // The last frame can take the flag as long as nobody has seen it.
    if (this.#lastFrameFlushes === writer.output.flushes) writer.endStreamAt(this.#lastFrameAt);
    else sender.sendEnd(this);
    this.#ended();
  }

  /** Ends both halves at once, dropping what waits; `onStreamClosed` comes before it returns. */
  reset(code: ErrorCode): void {
    if (this.state === "closed") return;
    if (this.state !== "idle") this.#host.writer.reset(this.id, code);
    this.#close("reset");
  }

  /**
   * Server, behind the response's end: nothing of the request's rest is needed. RST_STREAM with
   * NO_ERROR follows the response, where the peer has not ended by then (RFC 9113 section 8.1).
   */
  refuseRest(): void {
    if (this.state === "halfClosedLocal") this.reset(NO_ERROR);
    else this.#restRefused = true;
  }

  /** The peer gets no further window: at most what it has still comes. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#release();
    this.#acknowledge();
  }

  /** For the session: a stream for the next request. */
  assign(owner: StreamOwner): void {
    this.owner = owner;
    this.state = "idle";
  }

  /** For the session: the peer has opened it. */
  accept(id: number, nowMs: number): void {
    this.id = id;
    this.openedAt = nowMs;
    this.#begin();
  }

  /** For the session: nothing is left of the last request. */
  clear(): void {
    this.id = 0;
    this.state = "closed";
    this.owner = NOBODY;
    this.kind = "plain";
    this.openedAt = 0;
    this.ending = "no";
    this.headSent = false;
    this.headReceived = false;
    this.bodyLeft = -1;
    this.#blocked = false;
    this.#paused = false;
    this.#restRefused = false;
    this.#unacknowledged = 0;
    this.#lastFrameFlushes = -1;
  }

  /** For the writers: the HEADERS or DATA frame that was written last. */
  wroteFrame(at: number, flushes: number): void {
    this.#lastFrameAt = at;
    this.#lastFrameFlushes = flushes;
  }

  /** For the sender: the queue has got shorter. */
  onQueueSent(): void {
    const { id } = this;
    if (this.#blocked && this.queue.length < QUEUE_LOW_BYTES) {
      this.#blocked = false;
      this.owner.onWritable();
    }
    if (this.id !== id || this.queue.length > 0) return;
    if (this.ending === "end") this.#ended();
    else if (this.ending === "trailers") this.#sendTrailersNow(this.#trailers);
  }

  /** For the session: a WINDOW_UPDATE. False where the window grows too large. */
  widen(bytes: number): boolean {
    this.sendWindow += bytes;
    if (this.sendWindow > WINDOW_MAX) return false;
    this.#host.sender.widened(this);
    return true;
  }

  /** For the session: a DATA frame begins, `length` with its padding. What is wrong with it. */
  takeData(length: number, dataBytes: number, endStream: boolean): ErrorCode {
    this.receiveWindow -= length;
    if (this.receiveWindow < 0) return FLOW_CONTROL_ERROR;
    if (!this.headReceived) return PROTOCOL_ERROR;
    if (this.bodyLeft < 0) return NO_ERROR;
    this.bodyLeft -= dataBytes;
    if (this.bodyLeft < 0 || (endStream && this.bodyLeft > 0)) return PROTOCOL_ERROR;
    return NO_ERROR;
  }

  /** For the session: a DATA frame is whole, and more may follow. */
  tookData(length: number): void {
    this.#unacknowledged += length;
    if (this.#paused) {
      this.#held += length;
      this.#host.hold(length);
    } else this.#acknowledge();
  }

  /** For the session: the peer ends its half. */
  receiveEnd(): void {
    const { id } = this;
    const over = this.state === "halfClosedLocal";
    if (!over) this.state = "halfClosedRemote";
    this.owner.onEnd();
    if (over && this.id === id) this.#close("ended");
  }

  /** For the session: the peer broke a rule of this stream alone. */
  fail(code: ErrorCode): void {
    this.#host.writer.reset(this.id, code);
    this.#breakOff(code, false, "reset");
  }

  /** For the session: the peer, or the connection's end, has broken it off. */
  abort(code: ErrorCode, byPeer: boolean): void {
    this.#breakOff(code, byPeer, "aborted");
  }

  #begin(): void {
    this.state = "open";
    this.sendWindow = this.#host.sender.initialWindow;
    this.receiveWindow = this.#host.streamWindow;
  }

  #canSend(): boolean {
    if (this.ending !== "no") return false;
    return this.state === "open" || this.state === "halfClosedRemote";
  }

  #sendHead(headers: HeaderTable, endStream: boolean): number {
    const bytes = this.#host.heads.finish(this, headers, endStream);
    if (endStream) this.#ended();
    return bytes;
  }

  #sendTrailersNow(headers: HeaderTable): void {
    const { heads } = this.#host;
    heads.startTrailers();
    heads.finish(this, headers, true);
    this.#trailers.reset();
    this.#ended();
  }

  /** END_STREAM is written. */
  #ended(): void {
    if (this.state === "halfClosedRemote") {
      this.#close("ended");
      return;
    }
    this.state = "halfClosedLocal";
    if (this.#restRefused) this.reset(NO_ERROR);
  }

  #refuse(): 0 {
    if (this.state === "idle") this.#breakOff(REFUSED_STREAM, false, "reset");
    return 0;
  }

  /** Closed before the owner hears of it, so that it can send nothing more. */
  #breakOff(code: ErrorCode, byPeer: boolean, ending: Ending): void {
    this.state = "closed";
    this.owner.onReset(code, byPeer);
    this.#close(ending);
  }

  #close(ending: Ending): void {
    this.state = "closed";
    this.queue.clear();
    this.#trailers.reset();
    this.#release();
    this.#host.close(this, ending);
  }

  #release(): void {
    if (this.#held === 0) return;
    this.#host.release(this.#held);
    this.#held = 0;
  }

  /** WINDOW_UPDATE, once half of the window has been used up. */
  #acknowledge(): void {
    const bytes = this.#unacknowledged;
    if (bytes * 2 < this.#host.streamWindow || bytes === 0) return;
    if (this.state !== "open" && this.state !== "halfClosedLocal") return;
    this.#unacknowledged = 0;
    this.receiveWindow += bytes;
    this.#host.writer.windowUpdate(this.id, bytes);
  }
}

function kindOf(method: string, protocol: string): RequestKind {
  if (protocol !== "") return "extendedConnect";
  if (method === "HEAD") return "head";
  return method === "CONNECT" ? "connect" : "plain";
}
