// hot path: no allocation per request
import { type ErrorCode, REFUSED_STREAM } from "../../codec/h2/error-code.ts";
import type { Stream } from "../../codec/h2/stream.ts";
import type { RequestMessage } from "../../codec/http/message.ts";
import { Deadline, type DeadlineOwner } from "../deadline.ts";
import type { TlsInfo } from "../tls/tls-info.ts";
import type { Http1Pool, PooledConnection } from "../upstream/http1/pool.ts";
import {
  ClientStream,
  reasonOf,
  type StreamCarrier,
  type StreamEnding,
} from "../upstream/http2/client-stream.ts";
import type { Http2UpstreamConnection } from "../upstream/http2/connection.ts";
import type { ResetReason, StreamHandler } from "../upstream/stream-handler.ts";
import { CARRIED_HTTP1 } from "./protocol.ts";

/** Who has the carriers. */
export interface CarrierChoice {
  /** Somebody takes the next request, if it comes now. */
  readonly carries: boolean;
  /** For a request with a body of this length, -1 where that is unknown; undefined: nobody can. */
  carrierFor(contentLength: number): Http2UpstreamConnection | undefined;
  onCarriedClosed(connection: CarriedConnection): void;
}

/**
 * ```
 *   connecting -> idle <-> busy -> closed
 *        |          |                ^
 *        +----------+----------------+
 * ```
 */
type State = "connecting" | "idle" | "busy" | "closed";

/**
 * An HTTP/1.1 connection that is none: each of its requests is a stream of a connection that
 * carries many. It is counted, limited and timed as the connection that it stands for, so that
 * `max_connections` means the same with and without.
 */
export class CarriedConnection implements PooledConnection, StreamCarrier, DeadlineOwner {
  readonly carries: string = CARRIED_HTTP1;
  readonly failure: string = "";
  readonly #pool: Http1Pool;
  readonly #carriers: CarrierChoice;
  readonly #stream: ClientStream;
  readonly #openedMs: number;
  readonly #idle: Deadline;
  readonly #life: Deadline;
  #state: State = "connecting";
  #draining = false;
  #counted = false;
  #localAddress = "";
  #tls: TlsInfo | undefined;
  established = false;
  /** Requests that it has carried. */
  requests = 0;

  constructor(pool: Http1Pool, carriers: CarrierChoice) {
    const { clock } = pool.host.cluster.context;
    this.#pool = pool;
    this.#carriers = carriers;
    this.#stream = new ClientStream(this);
    this.#openedMs = clock.now();
    this.#idle = new Deadline(clock, this, "idle");
    this.#life = new Deadline(clock, this, "life");
  }

  get localAddress(): string {
    return this.#localAddress;
  }

  get tls(): TlsInfo | undefined {
    return this.#tls;
  }

  get forwardsTrailers(): boolean {
    return this.#pool.host.cluster.config.http1.enableTrailers;
  }

  /** From now on it counts as a connection. */
  count(): void {
    if (this.#counted) return;
    this.#counted = true;
    this.#pool.host.cluster.stats.connectionOpening("http1");
  }

  /** What counted as this connection counts as another one now, and the pool has a place free. */
  discard(): void {
    this.#counted = false;
    this.#destroy(true);
  }

  /** There is somebody to carry it. */
  opened(): void {
    const { config, context, stats } = this.#pool.host.cluster;
    const nowMs = context.clock.now();
    this.count();
    stats.connectionEstablished(nowMs - this.#openedMs);
    this.#state = "idle";
    this.established = true;
    this.#idle.set(nowMs, config.idleTimeoutMs);
    if (config.maxConnectionDurationMs > 0) this.#life.set(nowMs, config.maxConnectionDurationMs);
  }

  begin(handler: StreamHandler, _method: string): void {
    this.#state = "busy";
    this.requests++;
    this.#idle.clear();
    this.#stream.begin(handler);
  }

  openStream(stream: ClientStream, { contentLength }: RequestMessage): Stream | undefined {
    const carrier = this.#carriers.carrierFor(contentLength);
    this.#localAddress = carrier?.localAddress ?? "";
    this.#tls = carrier?.tls;
    return carrier?.openStream(stream);
  }

  /** The peer resets a stream where it would close a connection, wrong within an answer. */
  reasonOf(code: ErrorCode, byPeer: boolean, answered: boolean): ResetReason {
    if (!byPeer || code === REFUSED_STREAM) return reasonOf(code, byPeer);
    if (!answered) return "connection termination";
    this.#pool.host.cluster.stats.count("upstream_cx_protocol_error");
    return "protocol error";
  }

  onStreamFree(_stream: ClientStream, ending: StreamEnding): void {
    if (this.#state !== "busy") return;
    if (ending === "clean") this.#release();
    else this.#destroy(ending === "local");
  }

  drain(): void {
    this.#draining = true;
    if (this.#state !== "busy") this.#destroy(true);
  }

  /** Nobody carries it any more. Where it is busy, its stream says so. */
  lost(): void {
    if (this.#state !== "busy") this.#destroy(false);
  }

  onDeadline(kind: string): void {
    const { stats } = this.#pool.host.cluster;
    if (kind === "life") {
      stats.count("upstream_cx_max_duration_reached");
      this.drain();
    } else if (this.#state === "idle") {
      stats.count("upstream_cx_idle_timeout");
      this.#destroy(true);
    }
  }

  onFault(error: unknown): void {
    this.#pool.host.cluster.context.faults.report(error);
  }

  #release(): void {
    const { config, context, stats } = this.#pool.host.cluster;
    const spent =
      config.maxRequestsPerConnection > 0 && this.requests >= config.maxRequestsPerConnection;
    if (spent) stats.count("upstream_cx_max_requests");
    if (spent || this.#draining) {
      this.#state = "idle";
      this.#destroy(true);
      return;
    }
    this.#state = "idle";
    if (!this.#carriers.carries) {
      this.#destroy(false);
      return;
    }
    this.#idle.set(context.clock.now(), config.idleTimeoutMs);
    this.#pool.onUsable(this);
  }

  #destroy(local: boolean): void {
    if (this.#state === "closed") return;
    const { context, stats } = this.#pool.host.cluster;
    const active = this.#state === "busy";
    const lengthMs = context.clock.now() - this.#openedMs;
    this.#state = "closed";
    this.#carriers.onCarriedClosed(this);
    this.#idle.dispose();
    this.#life.dispose();
    if (this.#counted) stats.connectionClosed(local, active, lengthMs, this.requests);
    this.#pool.onClosed(this);
  }
}
