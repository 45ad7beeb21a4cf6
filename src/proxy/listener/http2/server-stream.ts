// hot path: no allocation per request
import { randomBytes } from "node:crypto";
import {
  CONNECTION_LOST,
  ENHANCE_YOUR_CALM,
  type ErrorCode,
  INTERNAL_ERROR,
  PROTOCOL_ERROR,
  REFUSED_STREAM,
} from "../../../codec/h2/error-code.ts";
import type { StreamOwner } from "../../../codec/h2/owner.ts";
import { Http2Request } from "../../../codec/h2/request.ts";
import { SendQueue } from "../../../codec/h2/send/send-queue.ts";
import type { Stream } from "../../../codec/h2/stream.ts";
import type { HeaderTable } from "../../../codec/http/header-table.ts";
import { asksForTunnel } from "../../../codec/http/message.ts";
import type { Address } from "../../../model/address.ts";
import type { CompiledHcm } from "../../compile/compiled-hcm.ts";
import { Deadline, type DeadlineOwner } from "../../deadline.ts";
import type { Downstream } from "../../downstream.ts";
import { Exchange } from "../../exchange.ts";
import { contained } from "../../faults.ts";
import { takeUnderscores } from "../../filters/underscores.ts";
import { FLAG_DC, FLAG_DPE, FLAG_DR } from "../../telemetry/response-flags.ts";
import type { TlsInfo } from "../../tls/tls-info.ts";
import type { Accepted } from "../accepted.ts";
import { refusalOf, refuseStream, UNDERSCORED } from "../refused/refused-stream.ts";
import { Http2ResponseEncoder } from "./response-encoder.ts";

/** What a client may send into a tunnel before it is known whether there will be one. */
const EARLY_BYTES_MAX = 64 * 1024;

/** Envoy's response code details. */
const REMOTE_RESET = "http2.remote_reset";

/** The connection that streams are of. */
export interface StreamCarrier {
  readonly hcm: CompiledHcm;
  readonly accepted: Accepted;
  /** Its streams are other connections' requests (carry/protocol.ts). */
  readonly carrying: boolean;
  originalDestinationOf(authority: string): Address | undefined;
  /** The stream's object can serve another request. */
  onStreamFree(stream: ServerStream): void;
}

/**
 * ```
 *   free -> open -> answered -> free      answered: the exchange is over, the stream not yet
 *             |
 *             +--> tunnel ----> free
 * ```
 */
type State = "free" | "open" | "answered" | "tunnel";

/** One request on a client's HTTP/2 connection. Pooled by its connection. */
export class ServerStream implements Downstream, StreamOwner, DeadlineOwner {
  readonly hcm: CompiledHcm;
  readonly message: Http2Request = new Http2Request();
  readonly encoder: Http2ResponseEncoder = new Http2ResponseEncoder();
  readonly #carrier: StreamCarrier;
  readonly #exchange: Exchange;
  readonly #timer: Deadline;
  readonly #readOn: () => void = contained(this as ServerStream, this.#readEarly);
  #state: State = "free";
  #stream: Stream | undefined;
  #headCame = false;
  #requestEnded = false;
  /** What came for a tunnel that is not there yet. */
  readonly #early = new SendQueue();

  constructor(carrier: StreamCarrier) {
    this.hcm = carrier.hcm;
    this.#carrier = carrier;
    this.encoder.carrying = carrier.carrying;
    this.#exchange = new Exchange(this, this.message);
    this.#timer = new Deadline(carrier.hcm.context.clock, this, "request");
  }

  get connection(): object {
    return this.#carrier.accepted;
  }

  get secure(): boolean {
    return this.#carrier.accepted.secure;
  }

  get tls(): TlsInfo | undefined {
    return this.#carrier.accepted.tls;
  }

  get carrying(): boolean {
    return this.#carrier.carrying;
  }

  get remoteAddress(): string {
    return this.#carrier.accepted.remoteAddress;
  }

  get directRemoteAddress(): string {
    return this.#carrier.accepted.directRemoteAddress;
  }

  get remoteIp(): string {
    return this.#carrier.accepted.remoteIp;
  }

  get localAddress(): string {
    return this.#carrier.accepted.localAddress;
  }

  get originalDestination(): Address | undefined {
    return this.#carrier.originalDestinationOf(this.message.authority);
  }

  /** Begins to serve a stream of which the head follows. */
  begin(stream: Stream): void {
    this.#stream = stream;
    this.#state = "open";
    this.#headCame = false;
    this.#requestEnded = false;
    this.encoder.use(stream);
  }

  onHead(endStream: boolean): void {
    const { requestTimeoutMs } = this.hcm.config;
    this.#headCame = true;
    this.#requestEnded = endStream;
    if (requestTimeoutMs > 0 && !endStream) {
      this.#timer.set(this.hcm.context.clock.now(), requestTimeoutMs);
    }
    const { carrying } = this.#carrier;
    this.message.version = carrying ? 11 : 20;
    try {
      if (!takeUnderscores(this.message.headers, this.hcm, 20)) {
        refuseStream(this.#carrier, UNDERSCORED);
        this.#reset(PROTOCOL_ERROR);
        return;
      }
      if (this.message.upgrade === "websocket" && !carrying) this.#addKey();
      this.#exchange.begin(this.#stream?.headBytes ?? 0);
    } catch (error) {
      this.onFault(error);
    }
  }

  onData(bytes: Buffer, start: number, end: number): void {
    if (this.#state === "answered") return;
    try {
      if (this.#state === "tunnel" && this.#early.length === 0) {
        this.#exchange.tunnel.fromClient(bytes, start, end);
      } else if (!asksForTunnel(this.message)) this.#exchange.onRequestData(bytes, start, end);
      else this.#keepEarly(bytes, start, end);
    } catch (error) {
      this.onFault(error);
    }
  }

  onTrailers(trailers: HeaderTable): void {
    this.hcm.context.telemetry.http2.count("trailers");
    if (this.#state === "open") this.#exchange.onRequestTrailers(trailers);
  }

  onEnd(): void {
    const early = this.#requestEnded;
    this.#requestEnded = true;
    if (early || this.#state === "answered") return;
    try {
      this.#timer.clear();
      if (this.#state === "tunnel") this.#endOfTunnel();
      else if (!asksForTunnel(this.message)) this.#exchange.onRequestEnd();
    } catch (error) {
      this.onFault(error);
    }
  }

  onReset(code: ErrorCode, byPeer: boolean): void {
    const { http2 } = this.hcm.context.telemetry;
    const lost = code === CONNECTION_LOST;
    if (!lost) http2.count(byPeer ? "rx_reset" : "tx_reset");
    if (byPeer && code === REFUSED_STREAM) http2.count("stream_refused_errors");
    if (code === PROTOCOL_ERROR && !byPeer) http2.count("rx_messaging_error");
    if (this.#headCame) this.#lose(code, byPeer);
    else this.#rejected(code, byPeer);
  }

  onBlocked(): void {
    this.#exchange.flow.downstreamBlocked();
  }

  onWritable(): void {
    if (this.#exchange.active) this.#exchange.flow.downstreamDrained();
  }

  /** The stream is over, whether or not its exchange is. */
  onClosed(): void {
    this.#stream = undefined;
    this.encoder.use(undefined);
    if (!this.#exchange.active) this.#release();
  }

  pauseReading(): void {
    this.#stream?.pause();
  }

  resumeReading(): void {
    this.#stream?.resume();
  }

  startTunnel(): void {
    this.#state = "tunnel";
    this.hcm.account.http.count("downstream_cx_upgrades_total");
    this.#timer.clear();
    if (this.#early.length > 0 || this.#requestEnded) process.nextTick(this.#readOn);
  }

  endTunnel(): void {
    this.encoder.end();
  }

  /**
   * A client that is still sending its request is told that nobody needs the rest. One that does
   * not take its answer's rest is not waited for longer than the exchange itself might have been.
   */
  onExchangeEnd(): void {
    const stream = this.#stream;
    if (stream === undefined) {
      this.#release();
      return;
    }
    this.#state = "answered";
    this.#timer.set(this.hcm.context.clock.now(), this.hcm.config.streamIdleTimeoutMs);
    if (this.#requestEnded) return;
    this.hcm.account.http.count("downstream_rq_response_before_rq_complete");
    this.hcm.context.telemetry.http2.count("tx_reset");
    stream.refuseRest();
  }

  reset(): void {
    this.hcm.account.http.count("downstream_rq_tx_reset");
    this.#reset(INTERNAL_ERROR);
  }

  onFault(error: unknown): void {
    this.#exchange.account.details ||= "internal_error";
    this.hcm.context.faults.report(error);
    this.#exchange.onClientGone(0);
    this.#reset(INTERNAL_ERROR);
  }

  onDeadline(): void {
    if (this.#state === "open") this.#exchange.onDeadline("request");
    else if (this.#state === "answered") {
      this.hcm.context.telemetry.http2.count("tx_flush_timeout");
      this.#reset(INTERNAL_ERROR);
    }
  }

  dispose(): void {
    this.#timer.dispose();
    this.#exchange.dispose();
  }

  /** Envoy: ActiveStream::onResetStream. A stream that is carried stands for a connection. */
  #lose(code: ErrorCode, byPeer: boolean): void {
    const exchange = this.#exchange;
    let flag = FLAG_DC;
    if (code !== CONNECTION_LOST && !this.carrying && exchange.active) {
      flag = byPeer ? FLAG_DR : FLAG_DPE;
      exchange.account.details = byPeer ? REMOTE_RESET : refusalOf(code, false).details;
    }
    exchange.onClientGone(flag);
  }

  /** The head was refused by the codec: a request all the same. */
  #rejected(code: ErrorCode, byPeer: boolean): void {
    const { http2 } = this.hcm.context.telemetry;
    if (code === ENHANCE_YOUR_CALM && !byPeer) http2.count("header_overflow");
    refuseStream(this.#carrier, refusalOf(code, byPeer));
  }

  #reset(code: ErrorCode): void {
    const stream = this.#stream;
    if (stream === undefined) {
      // A response without a body had ended it before its exchange failed.
      this.#release();
      return;
    }
    this.hcm.context.telemetry.http2.count("tx_reset");
    stream.reset(code);
  }

  /** HTTP/1.1 asks for a key that RFC 8441 does without (RFC 6455 section 4.1). */
  #addKey(): void {
    const { headers } = this.message;
    if (headers.findName("sec-websocket-key") >= 0) return;
    headers.addName("sec-websocket-key", randomBytes(16).toString("base64"));
  }

  #keepEarly(bytes: Buffer, start: number, end: number): void {
    this.#early.push(bytes, start, end);
    if (this.#early.length <= EARLY_BYTES_MAX) return;
    this.#exchange.onClientGone(FLAG_DC);
    this.#reset(ENHANCE_YOUR_CALM);
  }

  #readEarly(): void {
    if (this.#state !== "tunnel") return;
    const early = this.#early;
    for (let left = early.length; left > 0; left = early.length) {
      const { bytes, end, start } = early;
      this.#exchange.tunnel.fromClient(bytes, start, end);
      // Unless that was the stream's end.
      if (early.length === left) early.take(end - start);
    }
    if (this.#requestEnded && this.#state === "tunnel") this.#endOfTunnel();
  }

  #endOfTunnel(): void {
    if (this.#early.length === 0) this.#exchange.tunnel.clientEnd();
  }

  #release(): void {
    if (this.#state === "free") return;
    this.#state = "free";
    this.#timer.clear();
    this.#early.clear();
    this.#carrier.onStreamFree(this);
  }
}
