// hot path: no allocation per request
import type { HeaderTable } from "../codec/http/header-table.ts";
import type { ResponseMessage } from "../codec/http/message.ts";
import { keepTrailers } from "../codec/http/trailer-name.ts";
import type { Host } from "./cluster/host.ts";
import type { HostMonitor } from "./cluster/host-monitor.ts";
import { Deadline, type DeadlineOwner } from "./deadline.ts";
import type { Exchange } from "./exchange.ts";
import { grpcStatusIn } from "./grpc/grpc-call.ts";
import * as replies from "./reply/replies.ts";
import type { Allowance } from "./retry/allowance.ts";
import type { Attempts } from "./retry/attempts.ts";
import { takeHostname } from "./route/finalize.ts";
import type { TlsInfo } from "./tls/tls-info.ts";
import type { RequestPool } from "./upstream/request-pool.ts";
import type { ResetReason, StreamHandler } from "./upstream/stream-handler.ts";
import type { UpstreamStream } from "./upstream/upstream-stream.ts";

/**
 * One try of an exchange at one host.
 *
 * ```
 *   idle -> waiting -> sending -> over
 *              |          |
 *              +----------+-> failed (told to its attempts) -> idle, for the next try
 * ```
 */
type State = "idle" | "waiting" | "sending";

export class Attempt implements StreamHandler, DeadlineOwner {
  readonly #exchange: Exchange;
  readonly #attempts: Attempts;
  readonly #perTry: Deadline;
  /** Made for the first request that has such a bound; likewise below. */
  #silence: Deadline | undefined;
  #streamBound: Deadline | undefined;
  #idleMs = 0;
  /** It is late, and another has joined it: whatever comes of it, none follows it. */
  joined = false;
  /** An interim response has gone to the client: its answer has begun. */
  begun = false;
  /** Nobody wants its answer, of which only the end is left. */
  #ignored = false;
  #state: State = "idle";
  #host: Host | undefined;
  #pool: RequestPool | undefined;
  #stream: UpstreamStream | undefined;
  /** Kept for the access log until the exchange is over. */
  #last: UpstreamStream | undefined;
  #headArrived = false;
  /** Judges the host; undefined where nobody does, and once it has heard the last of this try. */
  #monitor: HostMonitor | undefined;
  /** The one that has heard that this try is late, and hears what still comes of it. */
  #lateMonitor: HostMonitor | undefined;
  /** Of the final response; `grpc-status` below 0: not known. */
  #status = 0;
  #grpcStatus = -1;
  /** When it was sent; below 0: nobody measures it, or it has been measured. */
  #measuredFromMs = -1;

  constructor(exchange: Exchange, attempts: Attempts) {
    this.#exchange = exchange;
    this.#attempts = attempts;
    this.#perTry = new Deadline(exchange.context.clock, this, "perTry");
  }

  get host(): Host | undefined {
    return this.#host;
  }

  /** It is under way. */
  get active(): boolean {
    return this.#state !== "idle";
  }

  /** It is under way, and nothing of its answer is here. */
  get awaiting(): boolean {
    return this.#state !== "idle" && !this.#headArrived;
  }

  /** A connection is there: the body may flow. */
  get sending(): boolean {
    return this.#state === "sending";
  }

  /** There has been a connection; likewise below, of the last one. */
  get connected(): boolean {
    return this.#last !== undefined;
  }

  get localAddress(): string {
    return this.#last?.localAddress ?? "";
  }

  get protocol(): string {
    return this.#last?.protocol ?? "";
  }

  get tls(): TlsInfo | undefined {
    return this.#last?.tls;
  }

  /** The exchange is over and logged: nothing holds its host and connection any more. */
  forget(): void {
    this.#host = undefined;
    this.#last = undefined;
    this.#lateMonitor = undefined;
  }

  /** Goes for a connection to the host. `terminates`: of a CONNECT only the payload goes there. */
  start(host: Host, terminates: boolean): void {
    this.#state = "waiting";
    this.#host = host;
    this.#last = undefined;
    this.#headArrived = false;
    this.joined = false;
    this.begun = false;
    this.#ignored = false;
    this.#monitor = host.monitor;
    this.#lateMonitor = undefined;
    this.#monitor?.onStart();
    const { head, request } = this.#exchange;
    const raw = terminates && request.method === "CONNECT";
    const named = host.transport.proxyProtocol !== undefined;
    const to = named ? host.speakingFor(this.#exchange.down) : host;
    this.#pool = raw ? to.connectPool : to.poolFor(head.version);
    this.#pool.acquire(this, request.method);
  }

  /** The request is complete and there is a connection: from now on the time of this try runs. */
  startClock(nowMs: number, { perTryIdleMs, perTryMs }: Allowance): void {
    if (this.#headArrived) return;
    this.#perTry.set(nowMs, perTryMs);
    if (perTryIdleMs === 0) return;
    this.#silence ??= new Deadline(this.#exchange.context.clock, this, "perTryIdle");
    this.#idleMs = perTryIdleMs;
    this.#silence.set(nowMs, perTryIdleMs);
  }

  /** From now on the time of this try's stream runs, whatever comes of the request. */
  boundStream(nowMs: number, boundMs: number): void {
    this.#streamBound ??= new Deadline(this.#exchange.context.clock, this, "perTryStream");
    this.#streamBound.set(nowMs, boundMs);
  }

  onConnection(stream: UpstreamStream): void {
    const host = this.#host as Host;
    this.#state = "sending";
    this.#stream = stream;
    this.#last = stream;
    host.activeRequests++;
    this.#monitor?.onConnected(false);
    if (host.rtt !== undefined) this.#measuredFromMs = this.#exchange.context.clock.now();
    host.cluster.stats.requestSent();
    const { request, routing } = this.#exchange;
    if (routing.forward?.autoHostRewrite === true) {
      takeHostname(request, routing.forward, host.endpoint.hostname);
    }
    stream.sendHead(request, this.#exchange.head);
    // It may be over already: then another attempt, or the answer, is on its way.
    if (this.#stream === stream) this.#attempts.onReady(this);
  }

  sendData(bytes: Buffer, start: number, end: number): void {
    this.#stream?.sendData(bytes, start, end);
  }

  sendEnd(): void {
    this.#stream?.sendEnd();
  }

  sendTrailers(trailers: HeaderTable): void {
    this.#stream?.sendTrailers(trailers);
  }

  sendTunnel(bytes: Buffer, start: number, end: number): void {
    this.#stream?.sendTunnel(bytes, start, end);
  }

  endTunnel(): void {
    this.#stream?.endTunnel();
  }

  pauseReading(): void {
    this.#stream?.pauseReading();
  }

  resumeReading(): void {
    this.#stream?.resumeReading();
  }

  /** The whole answer is here, but does not count: its connection is good for the next request. */
  letEnd(): void {
    this.#ignored = true;
    this.#stopClocks();
  }

  /** Stops, whatever it is doing; nobody is told. */
  cancel(): void {
    const stream = this.#stream;
    this.#takeMonitor()?.onCancel();
    if (this.#state === "waiting") this.#pool?.cancel(this);
    else if (this.#state === "sending") {
      this.#leave();
      stream?.abandon();
    }
    this.#rest();
  }

  onNoConnection(reason: ResetReason, detail: string): void {
    this.#rest();
    if (this.#monitor !== undefined) this.#tellReset(reason);
    this.#attempts.onFailed(this, reason, detail, false);
  }

  onResponseHead(head: ResponseMessage): void {
    if (this.#idleMs > 0) this.#touch();
    if (head.status < 200 && head.status !== 101) {
      this.#perTry.clear();
      this.begun = true;
      this.#attempts.onInterim(this, head);
      return;
    }
    this.#headArrived = true;
    this.#perTry.clear();
    if (this.#monitor !== undefined) this.#tellHead(this.#monitor, head);
    else if (this.#lateMonitor !== undefined) this.#tellLateHead(this.#lateMonitor, head);
    if (head.status === 101) {
      this.#attempts.onSwitch(this, head);
      return;
    }
    this.#attempts.onHead(this, head);
  }

  onResponseData(bytes: Buffer, start: number, end: number): void {
    if (this.#measuredFromMs >= 0) this.#measure();
    if (this.#idleMs > 0) this.#touch();
    this.#exchange.onResponseData(bytes, start, end);
  }

  onResponseTrailers(trailers: HeaderTable): void {
    keepTrailers(trailers);
    if (this.#monitor !== undefined) this.#noteGrpcStatus(trailers);
    if (!this.#ignored) this.#exchange.onResponseTrailers(trailers);
  }

  onResponseEnd(): void {
    this.#takeMonitor()?.onEnd(this.#status, this.#grpcStatus);
    this.#leave();
    this.#rest();
    if (!this.#ignored) this.#exchange.onResponseEnd();
  }

  onTunnelData(bytes: Buffer, start: number, end: number): void {
    this.#exchange.tunnel.fromUpstream(bytes, start, end);
  }

  onTunnelEnd(): void {
    this.#exchange.tunnel.upstreamEnd();
  }

  onReset(reason: ResetReason, detail = ""): void {
    const headArrived = this.#headArrived;
    this.#leave();
    this.#rest();
    if (this.#monitor !== undefined) this.#tellReset(reason);
    else this.#lateMonitor?.onLateReset();
    if (this.#ignored) return;
    if (headArrived) this.#exchange.onResponseTruncated(reason);
    else this.#attempts.onFailed(this, reason, detail, true);
  }

  onUpstreamBlocked(): void {
    this.#exchange.flow.upstreamBlocked();
  }

  onUpstreamDrained(): void {
    this.#exchange.flow.upstreamDrained();
  }

  onFault(error: unknown): void {
    this.#leave();
    this.#rest();
    this.#exchange.onFault(error);
  }

  onDeadline(kind: string): void {
    if (kind === "perTryStream") this.#endStream();
    else if (!this.#exchange.timeouts.allowance.hedges) this.#endTry(kind);
    else if (!this.#headArrived) {
      this.#lateMonitor = this.#takeMonitor();
      this.#lateMonitor?.onTimeout();
      this.#attempts.onLate(this);
    }
  }

  #endTry(kind: string): void {
    const idle = kind === "perTryIdle";
    const stat = idle ? "upstream_rq_per_try_idle_timeout" : "upstream_rq_per_try_timeout";
    this.#host?.cluster.stats.count(stat);
    this.#takeMonitor()?.onTimeout();
    this.cancel();
    this.#attempts.onTimeout(this, idle ? replies.PER_TRY_IDLE_TIMEOUT : replies.PER_TRY_TIMEOUT);
  }

  #endStream(): void {
    this.#host?.cluster.stats.count("upstream_rq_max_duration_reached");
    this.cancel();
    const { complete } = this.#exchange.body;
    const reply = complete ? replies.ATTEMPT_TOO_LONG : replies.ATTEMPT_TOO_LONG_UNREAD;
    this.#attempts.onTimeout(this, reply);
  }

  #touch(): void {
    this.#silence?.set(this.#exchange.context.clock.now(), this.#idleMs);
  }

  /** The time of all tries together is over: one that has no answer is late as well. */
  tellTimeout(): void {
    if (this.#state === "sending" && !this.#headArrived) this.#takeMonitor()?.onTimeout();
  }

  dispose(): void {
    this.#perTry.dispose();
    this.#silence?.dispose();
    this.#streamBound?.dispose();
  }

  /** The one that hears now how this ends, and hears no more of it. */
  #takeMonitor(): HostMonitor | undefined {
    const monitor = this.#monitor;
    this.#monitor = undefined;
    return monitor;
  }

  #tellHead(monitor: HostMonitor, { status, headers }: ResponseMessage): void {
    this.#status = status;
    this.#grpcStatus = -1;
    this.#noteGrpcStatus(headers);
    monitor.onResponse(status, this.#grpcStatus, headers);
  }

  #tellLateHead(monitor: HostMonitor, { status, headers }: ResponseMessage): void {
    this.#grpcStatus = -1;
    this.#noteGrpcStatus(headers);
    monitor.onLateResponse(status, this.#grpcStatus);
  }

  #noteGrpcStatus(headers: HeaderTable): void {
    if (!this.#exchange.account.grpc) return;
    const status = grpcStatusIn(headers);
    if (status >= 0) this.#grpcStatus = status;
  }

  /** A limit is no fault of the host. */
  #tellReset(reason: ResetReason): void {
    const monitor = this.#takeMonitor();
    if (reason === "overflow") monitor?.onCancel();
    else monitor?.onReset(reason);
  }

  #leave(): void {
    const host = this.#host;
    if (host === undefined || this.#state !== "sending") return;
    if (this.#measuredFromMs >= 0) this.#measure();
    host.activeRequests--;
    host.cluster.stats.requestEnded();
    host.cluster.limits.releaseRequest();
  }

  /** Until the first data of the response, or its end (Linkerd: PendingUntilFirstData). */
  #measure(): void {
    const nowMs = this.#exchange.context.clock.now();
    this.#host?.rtt?.record(nowMs - this.#measuredFromMs, nowMs);
    this.#measuredFromMs = -1;
  }

  #rest(): void {
    this.#state = "idle";
    this.#stream = undefined;
    this.#stopClocks();
  }

  #stopClocks(): void {
    this.#perTry.clear();
    this.#silence?.clear();
    this.#streamBound?.clear();
    this.#idleMs = 0;
  }
}
