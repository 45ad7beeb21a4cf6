// hot path: no allocation per request
import type { Socket } from "node:net";
import type { Address } from "../../../model/address.ts";
import type { CompiledHcm } from "../../compile/compiled-hcm.ts";
import { Deadline, type DeadlineOwner } from "../../deadline.ts";
import { contained } from "../../faults.ts";
import { takeUnderscores } from "../../filters/underscores.ts";
import type { HttpStat } from "../../telemetry/envoy/http-tables.ts";
import { SocketWriter, type WriterOwner } from "../../wire/socket-writer.ts";
import type { Accepted } from "../accepted.ts";
import { AskedDestination, addressOf } from "../asked-destination.ts";
import type { ClientConnection, ConnectionOwner } from "../http/client-connection.ts";
import { Lingering } from "../lingering.ts";
import {
  noteRefusedBody,
  refuseHead,
  refuseLateHead,
  refuseUnderscores,
} from "../refused/refuse-head.ts";
import type { RequestCarrier, ServerRequest, SpareRequests } from "./server-request.ts";
import { spareRequests } from "./server-request.ts";

/** Without a configured timeout a head must still arrive in this time. */
const HEAD_TIMEOUT_MS = 60_000;
const NO_BYTES: Buffer = Buffer.alloc(0);
const TUNNEL_ESTABLISHED = "HTTP/1.1 200 OK\r\n\r\n";

/**
 * ```
 *   head -> body -> waiting -> head ...         waiting: the request is complete, its answer not
 *     |       |        |
 *     |       |        +--> tunnel
 *     +-------+--------+--> closing -> closed
 * ```
 */
type State = "head" | "body" | "waiting" | "tunnel" | "closing" | "closed";

/** A client's HTTP/1.1 connection: one exchange after the other, pipelined ones in their order. */
export class Http1Connection
  implements ClientConnection, RequestCarrier, DeadlineOwner, WriterOwner
{
  readonly hcm: CompiledHcm;
  readonly writer: SocketWriter;
  readonly accepted: Accepted;
  readonly #owner: ConnectionOwner;
  readonly #asked: AskedDestination | undefined;
  readonly #socket: Socket;
  readonly #spares: SpareRequests;
  readonly #timer: Deadline;
  readonly #lingering: Lingering;
  readonly #readOn: () => void = contained(this as Http1Connection, this.#readBacklog);
  #state: State = "head";
  /** The one under way; undefined from its answer's end until the next one's first byte. */
  #request: ServerRequest | undefined;
  /** Bytes behind the request under way. */
  #backlog: Buffer | undefined;
  #requests = 0;
  #draining = false;
  /** How long an idle one that drains waits for a request. */
  #patienceMs = 0;
  #idleSinceMs = 0;
  #closedByPeer = false;
  #handedOver = false;

  constructor(accepted: Accepted, hcm: CompiledHcm, owner: ConnectionOwner) {
    const { clock } = hcm.context;
    this.hcm = hcm;
    this.accepted = accepted;
    this.#owner = owner;
    this.#asked = hcm.config.explicitProxy
      ? new AskedDestination(accepted.localAddress)
      : undefined;
    // A tunnel to be handed over stays an ordinary socket.
    accepted.readTo(contained(this as Http1Connection, this.onData), !hcm.config.explicitProxy);
    this.#socket = accepted.socket;
    this.#spares = spareRequests(hcm);
    this.writer = new SocketWriter(this.#socket, this);
    this.#timer = new Deadline(clock, this, "idle");
    this.#lingering = new Lingering(this.#socket, this.#timer, clock);
    this.#beIdle();
    this.#socket.on("drain", contained(this, this.#onDrain));
    this.#socket.on("end", contained(this, this.#onEnd));
    this.#socket.on("error", ignore);
    this.#socket.on("close", contained(this, this.#onClose));
    hcm.account.http.codecChosen("http1");
  }

  originalDestinationOf(authority: string): Address | undefined {
    return this.#asked?.of(authority) ?? this.accepted.originalDestination;
  }

  get lastRequest(): boolean {
    const most = this.hcm.config.maxRequestsPerConnection;
    return this.#draining || (most > 0 && this.#requests >= most);
  }

  get idle(): boolean {
    return this.#state === "head" && (this.#request?.parser.untouched ?? true);
  }

  onData(bytes: Buffer): void {
    this.hcm.account.http.received(bytes.length);
    this.#read(bytes, 0);
  }

  pauseReading(): void {
    this.#socket.pause();
  }

  resumeReading(): void {
    if (this.#backlog === undefined) this.#socket.resume();
  }

  startTunnel(): void {
    this.#state = "tunnel";
    this.hcm.account.http.count("downstream_cx_upgrades_total");
    this.#timer.clear();
    process.nextTick(this.#readOn);
  }

  endTunnel(): void {
    this.writer.flush();
    this.#socket.end();
  }

  onExchangeEnd(keepAlive: boolean): void {
    if (this.#state === "closed" || this.#state === "closing") return;
    const { http } = this.hcm.account;
    if (this.#state === "body") http.count("downstream_rq_response_before_rq_complete");
    this.#giveBack();
    if (!keepAlive) {
      this.#close();
      return;
    }
    this.#state = "head";
    this.#beIdle();
    if (this.#backlog !== undefined) process.nextTick(this.#readOn);
    else if (this.#draining && this.#patienceMs === 0) this.#close();
  }

  reset(): void {
    this.#state = "closing";
    this.writer.flush();
    this.#socket.destroySoon();
    this.#lingering.begin();
  }

  /** The answer under way says so, or that of a request which the client has sent already. */
  drain(patienceMs: number, why: HttpStat = "downstream_cx_drain_close"): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    if (!this.#draining) this.hcm.account.http.count(why);
    this.#draining = true;
    this.#patienceMs = patienceMs;
    if (!this.idle) return;
    if (patienceMs === 0) this.#close();
    else this.#timer.set(this.hcm.context.clock.now(), patienceMs);
  }

  onIdleTimeouts(): void {
    if (this.idle && !this.#draining) this.#limitIdleness();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** The exchange under way is accounted for when the socket has closed. */
  onFault(error: unknown): void {
    if (this.#request !== undefined) this.#request.exchange.account.details ||= "internal_error";
    this.hcm.context.faults.report(error);
    this.#socket.destroy();
  }

  onDeadline(): void {
    const { http } = this.hcm.account;
    if (this.#state === "closing") {
      this.#lingering.onDeadline();
    } else if (this.idle) {
      if (!this.#draining) http.count("downstream_cx_idle_timeout");
      this.#close();
    } else if (this.#state === "head") {
      refuseLateHead(this, this.#taken().parser.beginning(NO_BYTES, 0));
      this.#close();
    } else if (this.#state === "body") {
      this.#request?.exchange.onDeadline("request");
    }
  }

  onWritten(bytes: number): void {
    this.hcm.account.http.sent(bytes);
  }

  onWriteBlocked(): void {
    this.#request?.exchange.flow.downstreamBlocked();
  }

  #readBacklog(): void {
    const bytes = this.#backlog;
    if (bytes === undefined || this.#mustWait()) return;
    this.#backlog = undefined;
    this.#read(bytes, 0);
    if (this.#backlog === undefined) this.#socket.resume();
  }

  /** A client that pipelines but takes no answers gets no further ones made. */
  #mustWait(): boolean {
    return this.#state === "waiting" || (this.#state === "head" && this.writer.blocked);
  }

  #read(bytes: Buffer, from: number): void {
    let at = from;
    while (at < bytes.length) {
      if (this.#mustWait()) {
        this.#postpone(bytes, at);
        return;
      }
      switch (this.#state) {
        case "head":
          at = this.#readHead(bytes, at);
          break;
        case "body":
          at = this.#readBody(bytes, at);
          break;
        case "tunnel":
          this.#request?.exchange.tunnel.fromClient(bytes, at, bytes.length);
          return;
        default:
          return;
      }
    }
  }

  #readHead(bytes: Buffer, at: number): number {
    const request = this.#taken();
    const { parser } = request;
    const fresh = parser.untouched;
    const next = parser.read(bytes, at, bytes.length);
    if (parser.state === "complete") {
      if (!takeUnderscores(parser.headers, this.hcm)) {
        refuseUnderscores(this, parser.beginning(bytes, at));
        this.#close();
        return next;
      }
      this.#begin(request, bytes, at, next);
      return this.#handedOver ? bytes.length : next;
    }
    if (parser.state === "failed") {
      refuseHead(this, parser, parser.beginning(bytes, at));
      this.#close();
    } else if (fresh) {
      // Runs from the first byte: more of them buy no time.
      const { requestHeadersTimeoutMs } = this.hcm.config;
      this.#timer.set(this.hcm.context.clock.now(), requestHeadersTimeoutMs || HEAD_TIMEOUT_MS);
    }
    return next;
  }

  #taken(): ServerRequest {
    this.#request ??= this.#spares.take(this);
    return this.#request;
  }

  /** It is no longer held back either, should the client not have taken all of its answer yet. */
  #giveBack(): void {
    const request = this.#request;
    if (request === undefined) return;
    if (this.writer.blocked) request.exchange.flow.downstreamDrained();
    this.#request = undefined;
    request.giveBack();
  }

  #begin(request: ServerRequest, bytes: Buffer, at: number, next: number): void {
    const { body, parser } = request;
    this.#timer.clear();
    if (parser.method === "CONNECT" && this.hcm.config.explicitProxy) {
      this.#handOver(parser.authority, bytes.subarray(next));
      return;
    }
    this.#requests++;
    if (!this.#draining && this.hcm.context.overload.endsConnection()) this.#endByOverload();
    body.begin(parser.body, parser.contentLength);
    this.#state = body.done ? "waiting" : "body";
    const { requestTimeoutMs } = this.hcm.config;
    if (requestTimeoutMs > 0 && !body.done) {
      this.#timer.set(this.hcm.context.clock.now(), requestTimeoutMs);
    }
    request.exchange.begin(next - at);
  }

  #beIdle(): void {
    this.#idleSinceMs = this.hcm.context.clock.now();
    this.#limitIdleness();
  }

  #limitIdleness(): void {
    const { config, context } = this.hcm;
    const idleMs = context.overload.idleTimeoutMs(config.idleTimeoutMs);
    this.#timer.set(this.#idleSinceMs, this.#draining ? this.#patienceMs : idleMs);
  }

  /** Envoy: disable_http_keepalive. */
  #endByOverload(): void {
    this.#draining = true;
    this.hcm.account.http.count("downstream_cx_overload_disable_keepalive");
    this.hcm.account.http.count("downstream_cx_drain_close");
  }

  #readBody(bytes: Buffer, at: number): number {
    const { body, exchange } = this.#taken();
    const next = body.next(bytes, at, bytes.length);
    if (body.dataEnd > body.dataStart) {
      exchange.onRequestData(bytes, body.dataStart, body.dataEnd);
    }
    if (body.violation !== "none") {
      noteRefusedBody(this, body.violation, bytes, next);
      exchange.onBadBody();
    } else if (body.done && this.#state === "body") {
      this.#timer.clear();
      this.#state = "waiting";
      if (body.trailers !== undefined) exchange.onRequestTrailers(body.trailers);
      exchange.onRequestEnd();
    }
    return next;
  }

  /** Pipelined bytes wait; the socket is not read meanwhile, so they are few. */
  #postpone(bytes: Buffer, at: number): void {
    const rest = bytes.subarray(at);
    this.#backlog =
      this.#backlog === undefined ? Buffer.from(rest) : Buffer.concat([this.#backlog, rest]);
    this.#socket.pause();
  }

  #handOver(authority: string, first: Buffer): void {
    this.#handedOver = true;
    this.#state = "closed";
    this.#settle(false);
    this.writer.text(TUNNEL_ESTABLISHED);
    this.writer.flush();
    this.#socket.pause();
    this.#socket.removeAllListeners("data");
    this.#socket.removeAllListeners("end");
    this.#socket.removeAllListeners("drain");
    const destination = addressOf(authority);
    if (destination === undefined) this.#socket.destroy();
    else this.#owner.onTunnel(this.accepted, destination, first);
  }

  /** Sends what is left to send, then waits a moment for the client to close. */
  #close(): void {
    this.#state = "closing";
    this.#backlog = undefined;
    this.writer.flush();
    this.#socket.end();
    this.#socket.resume();
    this.#lingering.begin();
  }

  #onDrain(): void {
    this.writer.blocked = false;
    this.#request?.exchange.flow.downstreamDrained();
    this.#readBacklog();
  }

  #onEnd(): void {
    this.#closedByPeer = true;
    if (this.#state === "tunnel") {
      this.#request?.exchange.tunnel.clientEnd();
      return;
    }
    this.#socket.destroySoon();
  }

  #onClose(): void {
    if (this.#state === "closed") return;
    const exchange = this.#request?.exchange;
    const active = exchange?.active ?? false;
    this.#state = "closed";
    this.#settle(active);
    exchange?.onClientGone();
  }

  #settle(active: boolean): void {
    this.#timer.dispose();
    this.#request?.dispose();
    const lengthMs = this.hcm.context.clock.now() - this.accepted.openedMs;
    this.hcm.account.http.codecClosed("http1");
    this.hcm.account.http.connectionClosed(!this.#closedByPeer, active, lengthMs);
    this.#owner.onConnectionClosed(this);
  }
}

function ignore(): void {
  // An error is always followed by "close", which is acted upon.
}
