// hot path: no allocation per request
import type { Socket } from "node:net";
import { type ErrorCode, NO_ERROR } from "../../../codec/h2/error-code.ts";
import type { SessionOwner, StreamOwner } from "../../../codec/h2/owner.ts";
import { FLOOD } from "../../../codec/h2/receive/flood-guard.ts";
import { Session } from "../../../codec/h2/session.ts";
import type { LocalSettings } from "../../../codec/h2/settings.ts";
import type { Stream } from "../../../codec/h2/stream.ts";
import type { Address } from "../../../model/address.ts";
import type { HttpConnectionManager } from "../../../model/listener.ts";
import { CARRIED_WINDOW, CARRYING_ALPN } from "../../carry/protocol.ts";
import type { CompiledHcm } from "../../compile/compiled-hcm.ts";
import { Deadline, type DeadlineOwner } from "../../deadline.ts";
import { contained } from "../../faults.ts";
import type { HttpStat } from "../../telemetry/envoy/http-tables.ts";
import type { Http2Stats } from "../../telemetry/envoy/http2-stats.ts";
import { FrameWriter, type FrameWriterOwner } from "../../wire/frame-writer.ts";
import type { Accepted } from "../accepted.ts";
import { AskedDestination } from "../asked-destination.ts";
import type { ClientConnection, ConnectionOwner } from "../http/client-connection.ts";
import { Lingering } from "../lingering.ts";
import { ServerStream, type StreamCarrier } from "./server-stream.ts";

/** Without a configured timeout a head must still arrive in this time. */
const HEAD_TIMEOUT_MS = 60_000;
/** Streams kept for the next requests, with all that an exchange needs. */
const SPARES_MAX = 64;
/** An idle connection keeps them for so long: they take some 6 KiB each. */
const SPARES_KEPT_MS = 10_000;

/**
 * ```
 *   open -> draining -> closing -> closed      draining: takes no streams after those under way
 *     |                    |  ^
 *     +--------------------+--+
 * ```
 */
type State = "open" | "draining" | "closing" | "closed";

/** A client's HTTP/2 connection: many exchanges at a time. */
export class Http2Connection
  implements ClientConnection, SessionOwner, StreamCarrier, DeadlineOwner, FrameWriterOwner
{
  readonly hcm: CompiledHcm;
  readonly accepted: Accepted;
  readonly #owner: ConnectionOwner;
  readonly #asked: AskedDestination | undefined;
  readonly #socket: Socket;
  readonly #writer: FrameWriter;
  readonly #session: Session;
  readonly #stats: Http2Stats;
  readonly #free: ServerStream[] = [];
  readonly #timer: Deadline;
  readonly #ping: Deadline;
  readonly #head: Deadline;
  readonly #spares: Deadline;
  readonly #lingering: Lingering;
  #state: State = "open";
  #active = 0;
  #requests = 0;
  #idleSinceMs = 0;
  #drainsAtRequest = false;
  /** The stream of a head that is not whole, or 0. */
  #cutHead = 0;
  #pinging = false;
  #closedByPeer = false;
  /** The client said that it opens no further streams. */
  #clientDrains = false;

  constructor(accepted: Accepted, hcm: CompiledHcm, owner: ConnectionOwner) {
    const { clock, telemetry } = hcm.context;
    this.hcm = hcm;
    this.accepted = accepted;
    this.#owner = owner;
    this.#stats = telemetry.http2;
    this.#asked = hcm.config.explicitProxy
      ? new AskedDestination(accepted.localAddress)
      : undefined;
    accepted.readTo(contained(this as Http2Connection, this.onData), true);
    this.#socket = accepted.socket;
    this.#writer = new FrameWriter(this.#socket, this);
    this.#session = new Session(
      "server",
      settingsOf(hcm.config, this.carrying),
      this,
      this.#writer,
      clock,
    );
    this.#timer = new Deadline(clock, this, "idle");
    this.#ping = new Deadline(clock, this, "ping");
    this.#head = new Deadline(clock, this, "head");
    this.#spares = new Deadline(clock, this, "spares");
    this.#lingering = new Lingering(this.#socket, this.#timer, clock);
    this.#socket.on("end", contained(this as Http2Connection, this.#onEnd));
    this.#socket.on("error", ignore);
    this.#socket.on("close", contained(this as Http2Connection, this.#onClose));
    this.#idleSinceMs = clock.now();
    this.#limitIdleness();
    this.#schedulePing();
    hcm.account.http.codecChosen("http2");
    this.#session.start();
  }

  /** Its streams are other connections' requests. */
  get carrying(): boolean {
    return this.accepted.alpn === CARRYING_ALPN;
  }

  originalDestinationOf(authority: string): Address | undefined {
    return this.#asked?.of(authority) ?? this.accepted.originalDestination;
  }

  onData(bytes: Buffer): void {
    this.hcm.account.http.received(bytes.length);
    if (this.#state !== "open" && this.#state !== "draining") return;
    this.#session.read(bytes, 0, bytes.length);
    if (this.#session.cutHead !== this.#cutHead) this.#watchHead();
  }

  acceptStream(stream: Stream): StreamOwner | undefined {
    if (this.#state === "closing" || this.#state === "closed") return undefined;
    const { maxRequestsPerConnection: most } = this.hcm.config;
    const server = this.#free.pop() ?? new ServerStream(this);
    this.#active++;
    this.#requests++;
    this.#timer.clear();
    this.#stats.count("streams_active");
    server.begin(stream);
    if (this.#drainsAtRequest) {
      this.drain();
    } else if (this.#state === "open" && this.hcm.context.overload.endsConnection()) {
      this.hcm.account.http.count("downstream_cx_overload_disable_keepalive");
      this.drain();
    }
    if (most > 0 && this.#requests === most) {
      this.hcm.account.http.count("downstream_cx_max_requests_reached");
      this.drain();
    }
    return server;
  }

  onStreamClosed(stream: Stream): void {
    this.#active--;
    this.#stats.count("streams_active", -1);
    (stream.owner as ServerStream).onClosed();
    this.#rest();
  }

  onStreamFree(stream: ServerStream): void {
    if (this.#state !== "closed" && this.#free.length < SPARES_MAX) this.#free.push(stream);
    else stream.dispose();
  }

  onOutput(): void {
    // The writer knows by itself.
  }

  onPeerSettings(): void {
    // A server opens no streams.
  }

  /** The client opens no further streams; those under way go on. */
  onGoAway(_lastStreamId: number, _code: ErrorCode): void {
    this.#clientDrains = true;
    if (this.#state === "open") this.#state = "draining";
    this.#rest();
  }

  onPong(): void {
    this.#pinging = false;
    this.#schedulePing();
    if (this.#state === "draining") this.#rest();
  }

  onSessionError(_code: ErrorCode, details: string): void {
    const { http } = this.hcm.account;
    http.count("downstream_cx_protocol_error");
    if (details === FLOOD.resets) http.count("downstream_rq_too_many_premature_resets");
    this.#stats.count("goaway_sent");
    this.#stats.sessionFailed(details);
    this.#end();
  }

  /**
   * Requests under way are served, and those that the client sends before it hears of it. A client
   * that has not sent any yet would give up a connection that refuses the first: it hears with it.
   */
  drain(patienceMs = 0, why: HttpStat = "downstream_cx_drain_close"): void {
    if (this.#state !== "open") return;
    if (patienceMs > 0 && this.#requests === 0) {
      this.#drainsAtRequest = true;
      this.#timer.set(this.hcm.context.clock.now(), patienceMs);
      return;
    }
    this.#state = "draining";
    this.hcm.account.http.count(why);
    this.#stats.count("goaway_sent");
    this.#session.drain();
    this.#rest();
  }

  onIdleTimeouts(): void {
    if (this.#active === 0 && this.#state === "open") this.#limitIdleness();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  onFault(error: unknown): void {
    this.hcm.context.faults.report(error);
    this.#socket.destroy();
  }

  onDeadline(kind: string): void {
    if (this.#state === "closing") {
      this.#lingering.onDeadline();
    } else if (kind === "ping") {
      this.#keepAlive();
    } else if (kind === "spares") {
      if (this.#active === 0) this.#dropSpares();
    } else if (kind === "head") {
      this.hcm.account.http.count("downstream_rq_header_timeout");
      this.#close();
    } else if (this.#active === 0) {
      if (!this.#drainsAtRequest) this.hcm.account.http.count("downstream_cx_idle_timeout");
      this.#close();
    }
  }

  onWritten(bytes: number): void {
    this.hcm.account.http.sent(bytes);
  }

  onWriteDrained(): void {
    this.#session.pump();
  }

  onWriteFlooded(): void {
    this.#stats.count("outbound_flood");
    this.#socket.destroy();
  }

  /** A head in several pieces: its time runs from the first of them. */
  #watchHead(): void {
    const { config, context } = this.hcm;
    this.#cutHead = this.#session.cutHead;
    if (this.#cutHead === 0) this.#head.clear();
    else this.#head.set(context.clock.now(), config.requestHeadersTimeoutMs || HEAD_TIMEOUT_MS);
  }

  #schedulePing(): void {
    const { keepaliveIntervalMs } = this.hcm.config.http2;
    if (keepaliveIntervalMs > 0) this.#ping.set(this.hcm.context.clock.now(), keepaliveIntervalMs);
  }

  /** Asks whether the client lives; one that does not answer in time is given up. */
  #keepAlive(): void {
    if (this.#pinging) {
      this.#stats.count("keepalive_timeout");
      this.#socket.destroy();
      return;
    }
    this.#pinging = true;
    this.#session.ping();
    this.#ping.set(this.hcm.context.clock.now(), this.hcm.config.http2.keepaliveTimeoutMs);
  }

  /** Without streams it waits for the next; one that drains ends once none can come. */
  #rest(): void {
    if (this.#active > 0 || (this.#state !== "open" && this.#state !== "draining")) return;
    const over = this.#clientDrains || this.#session.drained;
    if (this.#state === "draining" && over) {
      this.#close();
      return;
    }
    this.#idleSinceMs = this.hcm.context.clock.now();
    this.#limitIdleness();
    this.#spares.set(this.#idleSinceMs, SPARES_KEPT_MS);
  }

  #limitIdleness(): void {
    const { config, context } = this.hcm;
    this.#timer.set(this.#idleSinceMs, context.overload.idleTimeoutMs(config.idleTimeoutMs));
  }

  /** Says that nothing more is taken, and ends. */
  #close(): void {
    this.#stats.count("goaway_sent");
    this.#session.goAway(NO_ERROR);
    this.#end();
  }

  /** Sends what is left to send, then waits a moment for the client to close. */
  #end(): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    this.#state = "closing";
    this.#ping.clear();
    this.#head.clear();
    this.#spares.clear();
    this.#writer.flush();
    this.#socket.end();
    this.#socket.resume();
    this.#lingering.begin();
  }

  #dropSpares(): void {
    for (let i = 0; i < this.#free.length; i++) this.#free[i]?.dispose();
    this.#free.length = 0;
    this.#session.dropSpares();
  }

  #onEnd(): void {
    this.#closedByPeer = true;
    this.#socket.destroySoon();
  }

  #onClose(): void {
    if (this.#state === "closed") return;
    const { account, context } = this.hcm;
    const active = this.#active > 0;
    this.#state = "closed";
    this.#session.disconnect();
    this.#timer.dispose();
    this.#ping.dispose();
    this.#head.dispose();
    this.#spares.dispose();
    this.#dropSpares();
    const lengthMs = context.clock.now() - this.accepted.openedMs;
    account.http.codecClosed("http2");
    account.http.connectionClosed(!this.#closedByPeer, active, lengthMs);
    this.#owner.onConnectionClosed(this);
  }
}

function settingsOf(config: HttpConnectionManager, carrying: boolean): LocalSettings {
  const { http2 } = config;
  return {
    headerTableSize: http2.hpackTableSize,
    maxConcurrentStreams: http2.maxConcurrentStreams,
    initialStreamWindowSize: carrying ? CARRIED_WINDOW : http2.initialStreamWindowSize,
    initialConnectionWindowSize: http2.initialConnectionWindowSize,
    maxHeaderListBytes: config.maxRequestHeadersKb * 1024,
    maxHeadersCount: config.maxHeadersCount,
    enableConnectProtocol: http2.allowConnect || carrying,
    verbatim: carrying,
  };
}

function ignore(): void {
  // An error is always followed by "close", which is acted upon.
}
