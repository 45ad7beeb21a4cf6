// hot path: no allocation per request
import { BodyDecoder } from "../../../codec/h1/body-decoder.ts";
import { chunkHead, LAST_CHUNK, LAST_CHUNK_SIZE } from "../../../codec/h1/chunk-writer.ts";
import { ResponseParser } from "../../../codec/h1/response-parser.ts";
import type { HeaderTable } from "../../../codec/http/header-table.ts";
import { asksForTunnel, type RequestMessage } from "../../../codec/http/message.ts";
import type { Host } from "../../cluster/host.ts";
import { Deadline, type DeadlineOwner } from "../../deadline.ts";
import type { RequestHead } from "../../route/request-head.ts";
import type { TlsInfo } from "../../tls/tls-info.ts";
import { SocketWriter, type WriterOwner } from "../../wire/socket-writer.ts";
import { connectFailure } from "../connect-failure.ts";
import type { ResetReason, StreamHandler } from "../stream-handler.ts";
import { OFFER_HTTP1, Transport, type TransportOwner } from "../transport.ts";
import type { UpstreamStream } from "../upstream-stream.ts";
import type { Http1Pool, PooledConnection } from "./pool.ts";
import { goesInChunks, requestText } from "./request-text.ts";

/** Interim responses (100, 103) before the final one; more are a flood. */
const INTERIM_MAX = 8;

/**
 * ```
 *   connecting -> idle <-> busy          busy -> tunnel        (101, 2xx to CONNECT)
 *        |          |        |                     |
 *        +----------+--------+------> closed <-----+
 * ```
 */
type State = "connecting" | "idle" | "busy" | "tunnel" | "closed";

/** One HTTP/1.1 connection to an endpoint: one request at a time. */
export class Http1UpstreamConnection
  implements UpstreamStream, PooledConnection, TransportOwner, DeadlineOwner, WriterOwner
{
  readonly #writer: SocketWriter;
  readonly #host: Host;
  readonly #pool: Http1Pool;
  readonly #transport: Transport;
  readonly #parser = new ResponseParser();
  readonly #body: BodyDecoder;
  readonly #openedMs: number;
  readonly #idle: Deadline;
  readonly #life: Deadline;
  #state: State = "connecting";
  #handler: StreamHandler | undefined;
  /** Whose request it serves, also while that one is being given up. */
  #serving: StreamHandler | undefined;
  #inBody = false;
  /** It asks for a tunnel: an endpoint that refuses it may not mean so. */
  #asksForTunnel = false;
  #interim = 0;
  /** The request has been written to its last byte. */
  #requestSent = false;
  #chunked = false;
  #responseDone = false;
  #draining = false;
  #paused = false;
  #closedByPeer = false;
  readonly protocol: string = "HTTP/1.1";
  /** Requests that it has carried. */
  requests = 0;
  established = false;

  /** `ready`: a transport that is open already, and counted as opening. */
  constructor(pool: Http1Pool, ready?: Transport) {
    const { host } = pool;
    const { cluster } = host;
    this.#pool = pool;
    this.#body = new BodyDecoder(cluster.config.http1.enableTrailers);
    const { clock } = cluster.context;
    this.#host = host;
    this.#openedMs = clock.now();
    this.#idle = new Deadline(clock, this, "idle");
    this.#life = new Deadline(clock, this, "life");
    this.#transport = ready ?? new Transport(host, this, OFFER_HTTP1);
    this.#writer = new SocketWriter(this.#transport.socket, this);
    if (ready === undefined) {
      cluster.stats.connectionOpening("http1");
      this.#idle.set(this.#openedMs, cluster.config.connectTimeoutMs);
    } else {
      ready.handTo(this);
      this.#opened();
    }
  }

  get localAddress(): string {
    return this.#transport.localAddress;
  }

  get tls(): TlsInfo | undefined {
    return this.#transport.tls;
  }

  /** Begins a request, of which the handler then sends the head. */
  begin(handler: StreamHandler, method: string): void {
    this.#state = "busy";
    this.#handler = handler;
    this.#serving = handler;
    this.#inBody = false;
    this.#interim = 0;
    this.#requestSent = false;
    this.#responseDone = false;
    this.#idle.clear();
    this.#parser.reset();
    this.#parser.expect(method);
    this.requests++;
    handler.onConnection(this);
  }

  sendHead(request: RequestHead, message: RequestMessage): void {
    this.#chunked = goesInChunks(request, message);
    this.#asksForTunnel = asksForTunnel(message);
    this.#writer.text(requestText(request, message));
  }

  sendData(bytes: Buffer, start: number, end: number): void {
    const writer = this.#writer;
    if (this.#chunked) writer.text(chunkHead(end - start));
    writer.bytes(bytes, start, end);
    if (this.#chunked) writer.text("\r\n");
  }

  sendEnd(): void {
    if (this.#chunked) this.#writer.text(LAST_CHUNK);
    this.#requestSent = true;
  }

  sendTrailers(trailers: HeaderTable): void {
    const kept = this.#chunked && this.#host.cluster.config.http1.enableTrailers;
    if (kept) this.#writer.text(`${LAST_CHUNK_SIZE}${trailers.write()}\r\n`);
    else if (this.#chunked) this.#writer.text(LAST_CHUNK);
    this.#requestSent = true;
  }

  sendTunnel(bytes: Buffer, start: number, end: number): void {
    this.#writer.bytes(bytes, start, end);
  }

  pauseReading(): void {
    this.#paused = true;
    this.#transport.socket.pause();
  }

  resumeReading(): void {
    this.#paused = false;
    this.#transport.socket.resume();
  }

  /** After an upgrade: the client has sent its last byte. */
  endTunnel(): void {
    this.#writer.flush();
    this.#transport.socket.end();
  }

  /** Gives up the request under way, and with it the connection. Nobody is told. */
  abandon(): void {
    this.#handler = undefined;
    this.#destroy();
  }

  /** Closes at the end of the request under way, or at once. */
  drain(): void {
    this.#draining = true;
    if (this.#state === "idle" || this.#state === "connecting") this.#destroy();
  }

  onDeadline(kind: string): void {
    const { stats } = this.#host.cluster;
    if (this.#state === "connecting") {
      stats.connectFailed(true);
      this.#fail("connection timeout", "");
      return;
    }
    if (kind === "life") {
      stats.count("upstream_cx_max_duration_reached");
      this.drain();
    } else if (this.#state === "idle") {
      stats.count("upstream_cx_idle_timeout");
      this.#destroy();
    }
  }

  onFault(error: unknown): void {
    const handler = this.#serving;
    if (this.#state === "connecting") this.#pool.giveUpWaiting();
    this.abandon();
    if (handler === undefined) this.#host.cluster.context.faults.report(error);
    else handler.onFault(error);
    this.#pool.refuse("local reset", "");
  }

  onWritten(bytes: number): void {
    this.#host.cluster.stats.sent(bytes);
  }

  onWriteBlocked(): void {
    this.#host.cluster.stats.count("upstream_flow_control_backed_up_total");
    this.#handler?.onUpstreamBlocked();
  }

  onDrain(): void {
    this.#writer.blocked = false;
    this.#host.cluster.stats.count("upstream_flow_control_drained_total");
    this.#handler?.onUpstreamDrained();
  }

  onOpen(): void {
    if (this.#state !== "connecting") return;
    const { cluster } = this.#host;
    cluster.stats.connectionEstablished(cluster.context.clock.now() - this.#openedMs);
    this.#opened();
    this.#pool.onConnected(this);
  }

  #opened(): void {
    const { clock } = this.#host.cluster.context;
    const { idleTimeoutMs, maxConnectionDurationMs } = this.#host.cluster.config;
    const nowMs = clock.now();
    this.#state = "idle";
    this.established = true;
    this.#idle.set(nowMs, idleTimeoutMs);
    if (maxConnectionDurationMs > 0) this.#life.set(nowMs, maxConnectionDurationMs);
  }

  onBytes(bytes: Buffer): void {
    this.#host.cluster.stats.received(bytes.length);
    if (this.#state === "tunnel") {
      this.#handler?.onTunnelData(bytes, 0, bytes.length);
      return;
    }
    let at = 0;
    while (at < bytes.length && this.#state === "busy" && !this.#responseDone) {
      at = this.#inBody ? this.#readBody(bytes, at) : this.#readHead(bytes, at);
    }
    if (at >= bytes.length || this.#state === "closed") return;
    if (this.#isTunnel()) this.#handler?.onTunnelData(bytes, at, bytes.length);
    else this.#protocolError();
  }

  /** A method, so that TypeScript forgets what it knew before the loop. */
  #isTunnel(): boolean {
    return this.#state === "tunnel";
  }

  #readHead(bytes: Buffer, at: number): number {
    const parser = this.#parser;
    const next = parser.read(bytes, at, bytes.length);
    if (parser.state === "reading") return next;
    if (parser.state === "failed") {
      this.#protocolError();
      return next;
    }
    if (parser.status < 200) return this.#readInterim(next);
    if (parser.beginsTunnel) {
      this.#state = "tunnel";
      this.#handler?.onResponseHead(parser);
      return next;
    }
    this.#inBody = true;
    this.#body.begin(parser.body, parser.contentLength);
    this.#handler?.onResponseHead(parser);
    if (this.#body.done && this.#state === "busy") this.#endResponse(next < bytes.length);
    return next;
  }

  #readInterim(next: number): number {
    const parser = this.#parser;
    if (parser.status === 101) {
      this.#state = "tunnel";
      this.#handler?.onResponseHead(parser);
      return next;
    }
    if (++this.#interim > INTERIM_MAX) {
      this.#protocolError();
      return next;
    }
    this.#handler?.onResponseHead(parser);
    parser.reset();
    return next;
  }

  #readBody(bytes: Buffer, at: number): number {
    const body = this.#body;
    const next = body.next(bytes, at, bytes.length);
    if (body.dataEnd > body.dataStart) {
      this.#handler?.onResponseData(bytes, body.dataStart, body.dataEnd);
    }
    if (this.#state !== "busy") return next;
    if (body.violation !== "none") this.#protocolError();
    else if (body.done) this.#endResponse(next < bytes.length);
    return next;
  }

  /** `more`: bytes follow that nobody asked for; they must not answer whoever waits in the pool. */
  #endResponse(more: boolean): void {
    const handler = this.#handler;
    const { trailers } = this.#body;
    this.#responseDone = true;
    if (trailers !== undefined) handler?.onResponseTrailers(trailers);
    handler?.onResponseEnd();
    if (more) {
      this.#handler = undefined;
      this.#protocolError();
      return;
    }
    // A response before the request's end leaves a connection that nobody can use again.
    if (this.#requestSent) this.#release();
    else this.abandon();
  }

  #release(): void {
    if (this.#state !== "busy") return;
    const { cluster } = this.#host;
    const most = cluster.config.maxRequestsPerConnection;
    const spent = most > 0 && this.requests >= most;
    this.#serving = undefined;
    if (spent) cluster.stats.count("upstream_cx_max_requests");
    this.#handler = undefined;
    const { body, keepAlive } = this.#parser;
    if (spent || !keepAlive || this.#asksForTunnel || this.#draining) {
      const told = !keepAlive && body !== "untilClose";
      if (told) cluster.stats.count("upstream_cx_close_notify");
      this.#destroy();
      return;
    }
    this.#state = "idle";
    // The client that took no more of its response is nobody's business any longer.
    if (this.#paused) this.resumeReading();
    this.#idle.set(cluster.context.clock.now(), cluster.config.idleTimeoutMs);
    this.#pool.onUsable(this);
  }

  #protocolError(): void {
    if (this.#state === "closed") return;
    this.#host.cluster.stats.count("upstream_cx_protocol_error");
    this.#fail("protocol error", "");
  }

  onEnd(): void {
    this.#closedByPeer = true;
    if (this.#state === "tunnel") {
      this.#handler?.onTunnelEnd();
      return;
    }
    if (this.#state === "busy" && this.#inBody) {
      this.#body.end();
      if (this.#body.done && !this.#responseDone) this.#endResponse(false);
    }
    this.#lose();
  }

  onError(error: NodeJS.ErrnoException): void {
    this.#closedByPeer = true;
    if (this.#state !== "connecting") return;
    this.#host.cluster.stats.connectFailed(false);
    const local = error.code === "EADDRNOTAVAIL" || error.code === "EADDRINUSE";
    if (local) this.#host.cluster.stats.count("bind_errors");
    const reason = local ? "local connection failure" : "remote connection failure";
    this.#fail(reason, connectFailure(error));
  }

  onClose(): void {
    this.#lose();
  }

  /** Half an answer breaks the protocol; a connection without any of it was merely lost. */
  #lose(): void {
    if (this.#state === "closed") return;
    const begun = this.#state === "busy" && (this.#inBody || !this.#parser.untouched);
    if (begun) this.#protocolError();
    else this.#fail("connection termination", "");
  }

  /** Closes, and tells whoever is waiting why. */
  #fail(reason: ResetReason, detail: string): void {
    if (this.#state === "connecting") {
      this.#pool.giveUpWaiting();
      this.#destroy();
      this.#pool.refuse(reason, detail);
      return;
    }
    const handler = this.#handler;
    this.#handler = undefined;
    this.#destroy();
    handler?.onReset(reason);
  }

  #destroy(): void {
    if (this.#state === "closed") return;
    const { cluster } = this.#host;
    const active = (this.#state === "busy" && !this.#responseDone) || this.#isTunnel();
    this.#state = "closed";
    this.#idle.dispose();
    this.#life.dispose();
    const lengthMs = cluster.context.clock.now() - this.#openedMs;
    cluster.stats.connectionClosed(!this.#closedByPeer, active, lengthMs, this.requests);
    this.#transport.socket.destroy();
    this.#pool.onClosed(this);
  }
}
