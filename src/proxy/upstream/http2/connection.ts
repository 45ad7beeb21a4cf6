// hot path: no allocation per request

import type { ErrorCode } from "../../../codec/h2/error-code.ts";
import type { SessionOwner, StreamOwner } from "../../../codec/h2/owner.ts";
import { Session } from "../../../codec/h2/session.ts";
import type { LocalSettings } from "../../../codec/h2/settings.ts";
import type { Stream } from "../../../codec/h2/stream.ts";
import type { Http2Options } from "../../../model/transport/http2.ts";
import { CARRIED_WINDOW } from "../../carry/protocol.ts";
import type { Host } from "../../cluster/host.ts";
import { Deadline, type DeadlineOwner } from "../../deadline.ts";
import { type ClusterStats, NO_CLUSTER_STATS } from "../../telemetry/envoy/cluster-stats.ts";
import type { TlsInfo } from "../../tls/tls-info.ts";
import { FrameWriter, type FrameWriterOwner } from "../../wire/frame-writer.ts";
import { connectFailure } from "../connect-failure.ts";
import type { ResetReason, StreamHandler } from "../stream-handler.ts";
import { OFFER_HTTP2, Transport, type TransportOwner } from "../transport.ts";
import { ClientStream, reasonOf, type StreamCarrier, type StreamEnding } from "./client-stream.ts";

/** A response's head may take so much: Envoy's default for upstreams, and as many fields. */
const HEAD_BYTES_MAX = 60 * 1024;
const HEADERS_MAX = 100;
/** Streams kept for the next requests, after a burst of more than these. */
const FREE_MAX = 256;

/** What people need to hear whose port is named for gRPC and served by something else. */
const SPEAKS_HTTP1 = "the endpoint answers in HTTP/1, not in HTTP/2";
const HTTP1: Buffer = Buffer.from("HTTP/1.");

function startsHttp1(bytes: Buffer): boolean {
  return (
    bytes.length >= HTTP1.length && bytes.compare(HTTP1, 0, HTTP1.length, 0, HTTP1.length) === 0
  );
}

/** As many as there can be. */
const STREAMS_MAX = 2 ** 31 - 1;

/** Whose requests or connections a connection carries in its streams; `own`: it carries none. */
export type Cargo = "own" | "http1" | "tcp";

/** Whom a connection tells what becomes of it: a pool. */
export interface ConnectionOwner {
  onConnected(connection: Http2UpstreamConnection): void;
  /** It may take a stream more, or none from now on. */
  onChanged(connection: Http2UpstreamConnection): void;
  /** Before it has connected, `reason` says why it could not. */
  onClosed(connection: Http2UpstreamConnection, reason: ResetReason, detail: string): void;
}

/**
 * ```
 *   connecting -> open -> draining -> closed
 *        |          |                   ^
 *        +----------+-------------------+
 * ```
 */
type State = "connecting" | "open" | "draining" | "closed";

/** One HTTP/2 connection to an endpoint: many requests at a time. */
export class Http2UpstreamConnection
  implements SessionOwner, StreamCarrier, TransportOwner, DeadlineOwner, FrameWriterOwner
{
  readonly #host: Host;
  /** Of the connections; what carries others' connections is none of its own. */
  readonly #stats: ClusterStats;
  /** Of the bytes; those of TCP are counted where they come from. */
  readonly #byteStats: ClusterStats;
  readonly #cargo: Cargo;
  readonly #owner: ConnectionOwner;
  readonly #transport: Transport;
  readonly #writer: FrameWriter;
  readonly #session: Session;
  readonly #free: ClientStream[] = [];
  readonly #openedMs: number;
  readonly #idle: Deadline;
  readonly #life: Deadline;
  readonly #ping: Deadline;
  readonly carries: string = "";
  readonly forwardsTrailers: boolean = true;
  failure = "";
  #state: State = "connecting";
  #reason: ResetReason = "connection termination";
  #detail = "";
  #closedByPeer = false;
  #drainsOnceOpen = false;
  #pinging = false;
  /** The peer has said how many streams it takes. */
  #settled = false;
  /** Requests that it has carried, and those under way. */
  requests = 0;
  active = 0;

  /**
   * `ready`: a transport that is open already, and counted as opening. Where there is `cargo`, its
   * streams are counted as the connections that they stand for, and it is not counted itself.
   */
  constructor(host: Host, owner: ConnectionOwner, ready?: Transport, cargo: Cargo = "own") {
    const { config, context, stats } = host.cluster;
    this.#host = host;
    this.#cargo = cargo;
    this.#stats = cargo === "own" ? stats : NO_CLUSTER_STATS;
    this.#byteStats = cargo === "tcp" ? NO_CLUSTER_STATS : stats;
    this.#owner = owner;
    this.#openedMs = context.clock.now();
    this.#idle = new Deadline(context.clock, this, "idle");
    this.#life = new Deadline(context.clock, this, "life");
    this.#ping = new Deadline(context.clock, this, "ping");
    this.#transport = ready ?? new Transport(host, this, OFFER_HTTP2);
    this.#writer = new FrameWriter(this.#transport.socket, this);
    this.#session = new Session("client", settingsOf(config.http2, cargo), this, this.#writer);
    if (ready === undefined) {
      this.#stats.connectionOpening("http2");
      this.#idle.set(this.#openedMs, config.connectTimeoutMs);
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

  get connecting(): boolean {
    return this.#state === "connecting";
  }

  /** No stream will be opened on it any more. */
  get takesNoMore(): boolean {
    return this.#state === "draining" || this.#state === "closed";
  }

  get canOpen(): boolean {
    return this.#state === "open" && this.#session.canOpen;
  }

  /** Nothing of what the peer allows is guessed any more. */
  get settled(): boolean {
    return this.#settled;
  }

  /** Where `canOpen`: begins a request, of which the handler then sends the head. */
  begin(handler: StreamHandler): void {
    const stream = this.#free.pop() ?? new ClientStream(this);
    stream.begin(handler);
  }

  openStream(owner: StreamOwner): Stream {
    const { config, stats } = this.#host.cluster;
    const { maxRequestsPerConnection } = config;
    const stream = this.#session.openStream(owner);
    this.requests++;
    this.active++;
    this.#idle.clear();
    if (this.#cargo === "own" && this.requests === maxRequestsPerConnection) {
      stats.count("upstream_cx_max_requests");
      this.drain();
    }
    return stream;
  }

  /** Closes when the requests under way are over, and those that wait for it. */
  drain(): void {
    if (this.#state === "connecting") this.#drainsOnceOpen = true;
    else if (this.active === 0) this.#destroy();
    else if (this.#state === "open") this.#state = "draining";
  }

  /** One that was refused, or went with its connection, is no reset of its own (Envoy). */
  #countReset(ending: StreamEnding, reason: ResetReason | undefined): void {
    if (reason === "remote reset") this.#stats.count("upstream_rq_rx_reset");
    else if (reason === "protocol error" || (reason === undefined && ending === "local")) {
      this.#stats.count("upstream_rq_tx_reset");
    }
  }

  reasonOf(code: ErrorCode, byPeer: boolean): ResetReason {
    return reasonOf(code, byPeer);
  }

  onStreamFree(stream: ClientStream, ending: StreamEnding, reason?: ResetReason): void {
    if (ending !== "clean") this.#countReset(ending, reason);
    if (this.#free.length < FREE_MAX) this.#free.push(stream);
  }

  onStreamClosed(): void {
    this.active--;
    if (this.#state === "closed") return;
    if (this.active === 0) {
      if (this.#state === "draining" || this.#host.retired) {
        this.#destroy();
        return;
      }
      const { config, context } = this.#host.cluster;
      this.#idle.set(context.clock.now(), config.idleTimeoutMs);
    }
    this.#owner.onChanged(this);
  }

  /** A client takes no streams: servers do not push. */
  acceptStream(): undefined {
    return undefined;
  }

  onOutput(): void {
    // The writer knows by itself.
  }

  onPeerSettings(): void {
    this.#settled = true;
    if (this.#state === "open") this.#owner.onChanged(this);
  }

  /** A peer that drains says it twice. */
  onGoAway(_lastStreamId: number, _code: ErrorCode): void {
    if (!this.#closedByPeer) this.#stats.count("upstream_cx_close_notify");
    this.#closedByPeer = true;
    this.drain();
    this.#owner.onChanged(this);
  }

  onSessionError(_code: ErrorCode, details: string): void {
    this.#host.cluster.stats.count("upstream_cx_protocol_error");
    this.#reason = "protocol error";
    this.#detail = details;
    this.#destroy();
  }

  onPong(): void {
    this.#pinging = false;
    this.#schedulePing();
  }

  onDeadline(kind: string): void {
    const stats = this.#stats;
    if (kind === "ping") {
      this.#keepAlive();
    } else if (this.#state === "connecting") {
      stats.connectFailed(true);
      this.#reason = "connection timeout";
      this.#destroy();
    } else if (kind === "life") {
      stats.count("upstream_cx_max_duration_reached");
      this.drain();
      this.#owner.onChanged(this);
    } else if (this.active === 0) {
      stats.count("upstream_cx_idle_timeout");
      this.#destroy();
    }
  }

  onFault(error: unknown): void {
    this.#host.cluster.context.faults.report(error);
    this.#reason = "local reset";
    this.#destroy();
  }

  onWritten(bytes: number): void {
    this.#byteStats.sent(bytes);
  }

  onWriteDrained(): void {
    this.#host.cluster.stats.count("upstream_flow_control_drained_total");
    this.#session.pump();
  }

  onWriteFlooded(): void {
    this.#stats.countHttp2("http2.outbound_flood");
    this.#reason = "protocol error";
    this.#transport.socket.destroy();
    this.#destroy();
  }

  onOpen(): void {
    if (this.#state !== "connecting") return;
    const { context } = this.#host.cluster;
    this.#stats.connectionEstablished(context.clock.now() - this.#openedMs);
    this.#opened();
    this.#owner.onConnected(this);
    if (this.#drainsOnceOpen) this.drain();
  }

  onBytes(bytes: Buffer): void {
    this.#byteStats.received(bytes.length);
    if (this.#state === "closed") return;
    if (!this.#settled && startsHttp1(bytes)) this.failure = SPEAKS_HTTP1;
    this.#session.read(bytes, 0, bytes.length);
  }

  onDrain(): void {
    // The writer waits for its own writes.
  }

  onEnd(): void {
    this.#closedByPeer = true;
    this.#destroy();
  }

  onError(error: NodeJS.ErrnoException): void {
    this.#closedByPeer = true;
    if (this.#state !== "connecting") return;
    const stats = this.#stats;
    stats.connectFailed(false);
    const local = error.code === "EADDRNOTAVAIL" || error.code === "EADDRINUSE";
    if (local) stats.count("bind_errors");
    this.#reason = local ? "local connection failure" : "remote connection failure";
    this.#detail = connectFailure(error);
    this.#destroy();
  }

  onClose(): void {
    this.#destroy();
  }

  #opened(): void {
    const { config, context } = this.#host.cluster;
    const nowMs = context.clock.now();
    this.#state = "open";
    this.#stats.showHttp2();
    this.#session.start();
    this.#idle.set(nowMs, config.idleTimeoutMs);
    if (config.maxConnectionDurationMs > 0) this.#life.set(nowMs, config.maxConnectionDurationMs);
    this.#schedulePing();
  }

  #schedulePing(): void {
    const { config, context } = this.#host.cluster;
    this.#ping.set(context.clock.now(), config.http2.keepaliveIntervalMs);
  }

  /** Asks whether the peer lives; one that does not answer in time is given up. */
  #keepAlive(): void {
    const { config, context } = this.#host.cluster;
    if (this.#pinging) {
      this.#stats.countHttp2("http2.keepalive_timeout");
      this.#transport.socket.destroy();
      this.#destroy();
      return;
    }
    this.#pinging = true;
    this.#session.ping();
    this.#ping.set(context.clock.now(), config.http2.keepaliveTimeoutMs);
  }

  #destroy(): void {
    if (this.#state === "closed") return;
    const { context } = this.#host.cluster;
    const lengthMs = context.clock.now() - this.#openedMs;
    const reason = this.#reason;
    const active = this.active > 0;
    this.#state = "closed";
    this.#idle.dispose();
    this.#life.dispose();
    this.#ping.dispose();
    this.#stats.connectionClosed(!this.#closedByPeer, active, lengthMs, this.requests);
    this.#writer.flush();
    this.#session.disconnect();
    this.#transport.close(context.clock);
    this.#owner.onClosed(this, reason, this.#detail);
  }
}

function settingsOf(options: Http2Options, cargo: Cargo): LocalSettings {
  return {
    headerTableSize: options.hpackTableSize,
    // How many streams stand for connections, the peer alone says.
    maxConcurrentStreams: cargo === "own" ? options.maxConcurrentStreams : STREAMS_MAX,
    initialStreamWindowSize: cargo === "own" ? options.initialStreamWindowSize : CARRIED_WINDOW,
    initialConnectionWindowSize: options.initialConnectionWindowSize,
    maxHeaderListBytes: HEAD_BYTES_MAX,
    maxHeadersCount: HEADERS_MAX,
    enableConnectProtocol: false,
    verbatim: cargo === "http1",
  };
}
