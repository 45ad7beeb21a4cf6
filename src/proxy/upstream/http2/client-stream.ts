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
import { ID } from "../../../codec/http/header-name.ts";
import type { HeaderTable } from "../../../codec/http/header-table.ts";
import { asksForTunnel, type RequestMessage } from "../../../codec/http/message.ts";
import type { RequestHead } from "../../route/request-head.ts";
import type { TlsInfo } from "../../tls/tls-info.ts";
import type { ResetReason, StreamHandler } from "../stream-handler.ts";
import type { UpstreamStream } from "../upstream-stream.ts";

/** Interim responses (103) before the final one; more are a flood. */
const INTERIM_MAX = 8;

/** `clean`: both sides have said all. Else: who broke it off. */
export type StreamEnding = "clean" | "local" | "remote";

/** The connection that streams are of. */
export interface StreamCarrier {
  readonly localAddress: string;
  readonly tls: TlsInfo | undefined;
  /** What the stream stands for (see carry/protocol.ts); empty: itself. */
  readonly carries: string;
  /** Trailers of the request go upstream. */
  readonly forwardsTrailers: boolean;
  /** What is known of why it ends; empty: no more than the streams are told. */
  readonly failure: string;
  /** The codec's stream for a request with this head; undefined where there is none any more. */
  openStream(stream: ClientStream, message: RequestMessage): Stream | undefined;
  /** Envoy's words for a reset; `answered`: behind the response's head. */
  reasonOf(code: ErrorCode, byPeer: boolean, answered: boolean): ResetReason;
  /** The request is over. The object can serve another one. `reason`: of a reset that ends it. */
  onStreamFree(stream: ClientStream, ending: StreamEnding, reason?: ResetReason): void;
  /** A callback threw. */
  onFault(error: unknown): void;
}

/**
 * ```
 *   free -> open -> tunnel (101, 2xx to CONNECT)
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
  #answered = false;
  #requestSent = false;
  /** A request for a tunnel has no end of its own. */
  #asksForTunnel = false;
  #connects = false;
  #tunnelEnded = false;

  constructor(carrier: StreamCarrier) {
    this.#carrier = carrier;
  }

  get localAddress(): string {
    return this.#carrier.localAddress;
  }

  /** What a carried stream stands for is HTTP/1.1. */
  get protocol(): string {
    return this.#carrier.carries === "" ? "HTTP/2" : "HTTP/1.1";
  }

  get tls(): TlsInfo | undefined {
    return this.#carrier.tls;
  }

  /** Begins a request, of which the handler then sends the head. */
  begin(handler: StreamHandler): void {
    this.#handler = handler;
    this.#state = "open";
    this.#interim = 0;
    this.#answered = false;
    this.#requestSent = false;
    this.#tunnelEnded = false;
    handler.onConnection(this);
  }

  sendHead(request: RequestHead, message: RequestMessage): void {
    const { authority, headers, method, path, scheme } = request;
    const { upgrade } = message;
    const stream = this.#carrier.openStream(this, message);
    if (stream === undefined) {
      this.#end("connection termination", "remote");
      return;
    }
    this.#asksForTunnel = asksForTunnel(message);
    this.#connects = method === "CONNECT";
    const last = message.body === "none" && !this.#asksForTunnel;
    this.#stream = stream;
    this.#requestSent = last;
    const { carries } = this.#carrier;
    if (carries !== "") headers.set(ID["x-outrigger-carried"], carries);
    stream.sendRequest(method, scheme, authority, path, upgrade, headers, last);
    if (carries !== "") headers.remove(ID["x-outrigger-carried"]);
  }

  sendData(bytes: Buffer, start: number, end: number): void {
    this.#stream?.sendData(bytes, start, end);
  }

  sendEnd(): void {
    if (!this.#asksForTunnel) this.#endRequest();
  }

  sendTrailers(trailers: HeaderTable): void {
    if (this.#requestSent) return;
    this.#requestSent = true;
    if (this.#carrier.forwardsTrailers) this.#stream?.sendTrailers(trailers);
    else this.#stream?.end();
  }

  sendTunnel(bytes: Buffer, start: number, end: number): void {
    this.sendData(bytes, start, end);
  }

  endTunnel(): void {
    this.#endRequest();
    if (this.#tunnelEnded) this.#end("connection termination", "remote");
  }

  pauseReading(): void {
    this.#stream?.pause();
  }

  resumeReading(): void {
    this.#stream?.resume();
  }

  abandon(): void {
    if (this.#state === "free") return;
    const stream = this.#stream;
    this.#rest();
    stream?.reset(CANCEL);
    this.#carrier.onStreamFree(this, "local");
  }

  onHead(): void {
    const { message } = this;
    const handler = this.#handler;
    if (handler === undefined) return;
    const { status } = message;
    this.#answered = status >= 200;
    if (status === 101 || (this.#connects && status >= 200 && status < 300)) {
      this.#state = "tunnel";
    } else if (status >= 200) {
      // A tunnel that was refused.
      if (this.#asksForTunnel) this.#endRequest();
    } else if (++this.#interim > INTERIM_MAX) {
      this.#end("protocol error", "local");
      return;
    }
    try {
      handler.onResponseHead(message);
    } catch (error) {
      this.#fault(handler, error);
    }
  }

  onData(bytes: Buffer, start: number, end: number): void {
    const handler = this.#handler;
    if (handler === undefined) return;
    try {
      if (this.#state === "tunnel") handler.onTunnelData(bytes, start, end);
      else handler.onResponseData(bytes, start, end);
    } catch (error) {
      this.#fault(handler, error);
    }
  }

  onTrailers(trailers: HeaderTable): void {
    const handler = this.#handler;
    if (handler === undefined || this.#state !== "open") return;
    try {
      handler.onResponseTrailers(trailers);
    } catch (error) {
      this.#fault(handler, error);
    }
  }

  /** A tunnel's other half stays open; a request that was answered before its end is given up. */
  onEnd(): void {
    const handler = this.#handler;
    const stream = this.#stream;
    if (this.#state === "tunnel") {
      this.#endOfTunnel();
      return;
    }
    // What still waits for a window would keep the codec's stream, with this object as its owner.
    const clean = stream?.state === "halfClosedLocal";
    this.#rest();
    try {
      handler?.onResponseEnd();
    } catch (error) {
      handler?.onFault(error);
    }
    if (!clean) stream?.reset(CANCEL);
    this.#carrier.onStreamFree(this, clean ? "clean" : "local");
  }

  onReset(code: ErrorCode, byPeer: boolean): void {
    this.#stream = undefined;
    const answered = this.#state === "open" && this.#answered;
    const reason = this.#carrier.reasonOf(code, byPeer, answered);
    this.#end(reason, byPeer || code === CONNECTION_LOST ? "remote" : "local");
  }

  onBlocked(): void {
    const handler = this.#handler;
    try {
      handler?.onUpstreamBlocked();
    } catch (error) {
      this.#fault(handler, error);
    }
  }

  onWritable(): void {
    const handler = this.#handler;
    try {
      handler?.onUpstreamDrained();
    } catch (error) {
      this.#fault(handler, error);
    }
  }

  /** A callback of this handler threw: its request is given up, the connection's others are not. */
  #fault(handler: StreamHandler | undefined, error: unknown): void {
    const stream = this.#stream;
    const serving = handler !== undefined && this.#handler === handler;
    if (serving) {
      this.#rest();
      stream?.reset(CANCEL);
    }
    if (handler === undefined) this.#carrier.onFault(error);
    else handler.onFault(error);
    if (serving) this.#carrier.onStreamFree(this, "local");
  }

  #endOfTunnel(): void {
    const handler = this.#handler;
    this.#tunnelEnded = true;
    try {
      handler?.onTunnelEnd();
    } catch (error) {
      this.#fault(handler, error);
      return;
    }
    if (this.#requestSent) this.#end("connection termination", "remote");
  }

  #endRequest(): void {
    if (this.#requestSent) return;
    this.#requestSent = true;
    this.#stream?.end();
  }

  /** The end of a request that was not answered, and of a tunnel (which is no failure). */
  #end(reason: ResetReason, ending: StreamEnding): void {
    const handler = this.#handler;
    const stream = this.#stream;
    this.#rest();
    stream?.reset(CANCEL);
    try {
      handler?.onReset(reason, this.#carrier.failure);
    } catch (error) {
      handler?.onFault(error);
    }
    this.#carrier.onStreamFree(this, ending, reason);
  }

  #rest(): void {
    this.#state = "free";
    this.#handler = undefined;
    this.#stream = undefined;
  }
}

/** Envoy's words for what ends a stream. */
export function reasonOf(code: ErrorCode, byPeer: boolean): ResetReason {
  if (code === CONNECTION_LOST) return "connection termination";
  if (code === REFUSED_STREAM) return "remote refused stream reset";
  if (!byPeer) return "protocol error";
  return code === HTTP_1_1_REQUIRED ? "protocol error" : "remote reset";
}
