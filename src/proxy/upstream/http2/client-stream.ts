// hot path: no allocation per request
import {
  CANCEL,
  CONNECTION_LOST,
  type ErrorCode,
  HTTP_1_1_REQUIRED,
  REFUSED_STREAM,
} from "../../../codec/h2/error-code.ts";
import type { StreamOwner } from "../../../codec/h2/owner.ts";
import { Http2Response } from "../../../codec/h2/response.ts";
import type { Stream } from "../../../codec/h2/stream.ts";
import type { HeaderTable } from "../../../codec/http/header-table.ts";
import type { RequestMessage } from "../../../codec/http/message.ts";
import type { RequestHead } from "../../route/request-head.ts";
import type { ResetReason, StreamHandler } from "../stream-handler.ts";
import type { UpstreamStream } from "../upstream-stream.ts";

/** Interim responses (103) before the final one; more are a flood. */
const INTERIM_MAX = 8;

/** The connection that streams are of. */
export interface StreamCarrier {
  readonly localAddress: string;
  /** The stream's object can serve another request. */
  onStreamFree(stream: ClientStream): void;
  /** A callback threw. */
  onFault(error: unknown): void;
}

/**
 * ```
 *   free -> open -> tunnel (101)
 *     ^       |       |
 *     +-------+-------+   answered and sent, reset by either side, or abandoned
 * ```
 */
type State = "free" | "open" | "tunnel";

/** One request on an HTTP/2 connection to an endpoint. Pooled by its connection. */
export class ClientStream implements UpstreamStream, StreamOwner {
  readonly message: Http2Response = new Http2Response();
  readonly #carrier: StreamCarrier;
  #stream: Stream | undefined;
  #handler: StreamHandler | undefined;
  #state: State = "free";
  #interim = 0;
  #requestSent = false;
  #tunnelEnded = false;
  /** Bytes of heads and bodies that it has sent and received. */
  sentBytes = 0;

  constructor(carrier: StreamCarrier) {
    this.#carrier = carrier;
  }

  get localAddress(): string {
    return this.#carrier.localAddress;
  }

  /** Begins a request, of which the handler then sends the head. */
  begin(stream: Stream, handler: StreamHandler): void {
    this.#stream = stream;
    this.#handler = handler;
    this.#state = "open";
    this.#interim = 0;
    this.#requestSent = false;
    this.#tunnelEnded = false;
    this.sentBytes = 0;
    handler.onConnection(this);
  }

  sendHead(request: RequestHead, message: RequestMessage): void {
    const { authority, headers, method, path, scheme } = request;
    const last = message.body === "none" && message.upgrade === "" && method !== "CONNECT";
    this.sentBytes +=
      this.#stream?.sendRequest(method, scheme, authority, path, message.upgrade, headers, last) ??
      0;
    this.#requestSent = last;
  }

  sendData(bytes: Buffer, start: number, end: number): void {
    this.sentBytes += end - start;
    this.#stream?.sendData(bytes, start, end);
  }

  sendEnd(): void {
    if (this.#requestSent) return;
    this.#requestSent = true;
    this.#stream?.end();
  }

  sendTrailers(trailers: HeaderTable): void {
    if (this.#requestSent) return;
    this.#requestSent = true;
    this.#stream?.sendTrailers(trailers);
  }

  sendTunnel(bytes: Buffer, start: number, end: number): void {
    this.sendData(bytes, start, end);
  }

  endTunnel(): void {
    this.sendEnd();
    if (this.#tunnelEnded) this.#endBoth();
  }

  pauseReading(): void {
    this.#stream?.pause();
  }

  resumeReading(): void {
    this.#stream?.resume();
  }

  abandon(): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    this.#release();
    stream.reset(CANCEL);
  }

  onHead(): void {
    const { message } = this;
    const handler = this.#handler;
    if (handler === undefined) return;
    if (message.status === 101) this.#state = "tunnel";
    else if (message.status < 200 && ++this.#interim > INTERIM_MAX) {
      this.#fail("protocol error");
      return;
    }
    handler.onResponseHead(message);
  }

  onData(bytes: Buffer, start: number, end: number): void {
    if (this.#state === "tunnel") this.#handler?.onTunnelData(bytes, start, end);
    else this.#handler?.onResponseData(bytes, start, end);
  }

  onTrailers(trailers: HeaderTable): void {
    if (this.#state === "open") this.#handler?.onResponseTrailers(trailers);
  }

  /** A tunnel's other half stays open; a request that was answered before its end is given up. */
  onEnd(): void {
    const handler = this.#handler;
    const stream = this.#stream;
    if (this.#state === "tunnel") {
      this.#tunnelEnded = true;
      handler?.onTunnelEnd();
      if (this.#requestSent) this.#endBoth();
      return;
    }
    const early = !this.#requestSent;
    this.#release();
    handler?.onResponseEnd();
    if (early) stream?.reset(CANCEL);
  }

  onReset(code: ErrorCode, byPeer: boolean): void {
    const handler = this.#handler;
    this.#release();
    handler?.onReset(reasonOf(code, byPeer));
  }

  onBlocked(): void {
    this.#handler?.onUpstreamBlocked();
  }

  onWritable(): void {
    this.#handler?.onUpstreamDrained();
  }

  /** A callback of its own threw: the request is given up, the connection's others are not. */
  onFault(error: unknown): void {
    const handler = this.#handler;
    const stream = this.#stream;
    this.#release();
    stream?.reset(CANCEL);
    if (handler === undefined) this.#carrier.onFault(error);
    else handler.onFault(error);
  }

  /** Both halves of a tunnel are over; as with a connection, that is its end and no failure. */
  #endBoth(): void {
    const handler = this.#handler;
    this.#release();
    handler?.onReset("connection termination");
  }

  #fail(reason: ResetReason): void {
    const handler = this.#handler;
    const stream = this.#stream;
    this.#release();
    stream?.reset(CANCEL);
    handler?.onReset(reason);
  }

  #release(): void {
    if (this.#state === "free") return;
    this.#state = "free";
    this.#handler = undefined;
    this.#stream = undefined;
    this.#carrier.onStreamFree(this);
  }
}

/** Envoy's words for what ends a stream. */
function reasonOf(code: ErrorCode, byPeer: boolean): ResetReason {
  if (code === CONNECTION_LOST) return "connection termination";
  if (code === REFUSED_STREAM) return "remote refused stream reset";
  if (!byPeer) return "protocol error";
  return code === HTTP_1_1_REQUIRED ? "protocol error" : "remote reset";
}
