// hot path: no allocation per request
import type { Timer } from "../base/clock.ts";
import { chunkHead, LAST_CHUNK } from "../codec/h1/chunk-writer.ts";
import { removeHopByHop } from "../codec/h1/connection-field.ts";
import { ID } from "../codec/h1/header-name.ts";
import { HeaderTable } from "../codec/h1/header-table.ts";
import type { RequestParser } from "../codec/h1/request-parser.ts";
import type { ResponseParser } from "../codec/h1/response-parser.ts";
import { Attempt } from "./attempt.ts";
import type { Host } from "./cluster/host.ts";
import type { ProxyContext, UpstreamCluster } from "./cluster/upstream-cluster.ts";
import { Deadline, type DeadlineOwner } from "./deadline.ts";
import type { Downstream } from "./downstream.ts";
import { type ExchangeParts, ExchangeSource } from "./exchange-source.ts";
import { prepareRequestHeaders } from "./filters/request-headers.ts";
import { finishResponseHeaders } from "./filters/response-headers.ts";
import { finalizeRequest, requestText } from "./finalize-request.ts";
import { type LocalReply, localReplyHeaders } from "./local-reply.ts";
import {
  BAD_PATH,
  CLUSTER_REPLIES,
  CONNECT_REFUSED,
  NO_HEALTHY_UPSTREAM,
  NO_ROUTE,
  PER_TRY_TIMEOUT,
  RESPONSE_TIMEOUT,
  redirectReply,
  resetReply,
  STREAM_IDLE_TIMEOUT,
  UPGRADE_REFUSED,
  UPGRADE_REQUIRED,
} from "./replies.ts";
import { RequestBody } from "./request-body.ts";
import { responseText } from "./response-text.ts";
import { RetryState, type RetryVerdict } from "./retry-state.ts";
import {
  type CompiledForward,
  type CompiledRoute,
  type Target,
  targetOf,
} from "./route/compiled-route.ts";
import { normalizePath } from "./route/path.ts";
import { RequestHead } from "./route/request-head.ts";
import { withoutPort } from "./route/route-table.ts";
import { RequestAccount } from "./telemetry/account.ts";
import { FLAG_DC, FLAG_UC, FLAG_URX } from "./telemetry/response-flags.ts";
import type { ResetReason } from "./upstream/stream-handler.ts";

const NO_HEADERS = new HeaderTable();
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

/**
 * ```
 *   idle -> asking <-> backingOff     asking -> answering -> idle
 *             |            |             |          |
 *             +- reply ----+-> idle      +- 101 -> tunnel -> idle
 * ```
 */
type State = "idle" | "asking" | "backingOff" | "answering" | "tunnel";

/**
 * One request on its way through. Owned by its connection and used for one request after the
 * other; nobody keeps it past `finish`. The methods stand in the order of the request line:
 * decode, route, filter, admit, attempt (pick, send, receive), respond, account.
 */
export class Exchange implements ExchangeParts, DeadlineOwner {
  readonly context: ProxyContext;
  readonly down: Downstream;
  readonly head: RequestParser;
  readonly request: RequestHead;
  readonly account: RequestAccount = new RequestAccount();
  readonly attempt: Attempt;
  readonly source: ExchangeSource;
  responseHeaders: HeaderTable = NO_HEADERS;
  failureDetail = "";
  /** The body goes upstream in chunks. */
  requestChunked = false;
  readonly #body = new RequestBody();
  readonly #retry = new RetryState();
  readonly #deadline: Deadline;
  readonly #idle: Deadline;
  #state: State = "idle";
  #route: CompiledRoute | undefined;
  #forward: CompiledForward | undefined;
  #target: Target | undefined;
  #cluster: UpstreamCluster | undefined;
  #tried: Host[] = [];
  #backOff: Timer | undefined;
  #responseChunked = false;
  #keepAlive = true;
  #requestPaused = false;

  constructor(down: Downstream, head: RequestParser) {
    this.context = down.hcm.context;
    this.down = down;
    this.head = head;
    this.request = new RequestHead(head.headers);
    this.attempt = new Attempt(this);
    this.source = new ExchangeSource(this);
    this.#deadline = new Deadline(this.context.clock, this, "route");
    this.#idle = new Deadline(this.context.clock, this, "idle");
  }

  get active(): boolean {
    return this.#state !== "idle";
  }

  get routeName(): string {
    return this.#route?.name ?? "";
  }

  get clusterName(): string {
    return this.#cluster?.name ?? "";
  }

  /** A head has been decoded: the whole way, as far as it goes without waiting. */
  begin(headBytes: number): void {
    this.#reset(headBytes);
    if (!this.#decode()) return;
    if (!this.#findRoute()) return;
    this.#filter();
    if (!this.#admit()) return;
    this.#tryHost();
  }

  #reset(headBytes: number): void {
    const nowMs = this.context.clock.now();
    this.#state = "asking";
    this.account.begin(this.down.hcm.account, nowMs);
    this.account.wireBytesReceived = headBytes;
    this.responseHeaders = NO_HEADERS;
    this.failureDetail = "";
    this.#route = undefined;
    this.#forward = undefined;
    this.#target = undefined;
    this.#cluster = undefined;
    this.#tried.length = 0;
    this.#keepAlive = this.head.keepAlive && !this.down.lastRequest;
    this.#requestPaused = false;
    this.#body.reset();
    this.#body.complete = this.head.body === "none";
    if (this.#body.complete) this.account.requestCompleteAtMs = nowMs;
    this.#idle.set(nowMs, this.down.hcm.config.streamIdleTimeoutMs);
  }

  #decode(): boolean {
    const { down, head, request } = this;
    const { config } = down.hcm;
    request.method = head.method;
    request.authority = config.stripMatchingPort ? withoutPort(head.authority) : head.authority;
    request.scheme = "http";
    request.setPath(head.path);
    this.requestChunked = head.body === "chunked";
    if (head.version === 10 && !config.acceptHttp10) return this.#refuse(UPGRADE_REQUIRED);
    if (config.normalizePath || config.mergeSlashes) {
      const path = normalizePath(head.path, config.normalizePath, config.mergeSlashes);
      if (path === undefined) return this.#refuse(BAD_PATH);
      request.setPath(path);
    }
    if (head.upgrade !== "" && !down.hcm.allowedUpgrades.has(head.upgrade)) {
      return this.#refuse(UPGRADE_REFUSED);
    }
    removeHopByHop(head.headers);
    if (head.upgrade === "") head.headers.remove(ID.upgrade);
    else this.#keepAlive = false;
    if (head.headers.has(ID.expect)) this.#invite();
    if (head.form !== "origin" || config.stripMatchingPort) {
      head.headers.set(ID.host, request.authority);
    }
    prepareRequestHeaders(head.headers, down.hcm, down.remoteIp);
    return true;
  }

  /** The client waits to be asked for the body; the upstream need not know. */
  #invite(): void {
    this.head.headers.remove(ID.expect);
    if (this.head.expectsContinue && !this.#body.complete) this.down.writer.text(CONTINUE);
  }

  #findRoute(): boolean {
    const route = this.down.hcm.routes.table?.find(this.request);
    if (route === undefined) return this.#refuse(NO_ROUTE);
    this.#route = route;
    if (this.request.method === "CONNECT") return this.#refuse(CONNECT_REFUSED);
    const { action } = route;
    if (action.kind === "forward") {
      this.#forward = action;
      return true;
    }
    if (action.kind === "redirect") return this.#refuse(redirectReply(action, this.request));
    return this.#refuse({
      status: action.status,
      body: action.body,
      flag: 0,
      details: "direct_response",
    });
  }

  #filter(): void {
    this.down.hcm.peers?.onRequest(this.head.headers, this.account);
  }

  #admit(): boolean {
    const forward = this.#forward as CompiledForward;
    const draw = forward.targets.length === 1 ? 0 : this.context.random.below(forward.weight);
    const target = targetOf(forward, draw);
    const cluster = target?.slot.cluster;
    if (target === undefined || cluster === undefined) {
      return this.#refuse(CLUSTER_REPLIES[forward.clusterNotFoundStatus] as LocalReply);
    }
    this.#target = target;
    this.#cluster = cluster;
    const { peers } = this.down.hcm;
    const inbound = peers !== undefined && peers.direction === "inbound";
    this.account.routed(cluster.stats, inbound ? cluster.inbound : cluster.outbound);
    this.#retry.begin(forward.retry, cluster);
    if (cluster.config.service !== undefined) peers?.introduce(this.head.headers);
    this.#setExpectedTimeout(forward);
    finalizeRequest(this.request, this.#route as CompiledRoute, forward, target, this.source);
    const nowMs = this.account.startedAtMs;
    if (forward.idleTimeoutMs !== undefined) this.#idle.set(nowMs, forward.idleTimeoutMs);
    if (this.#body.complete) this.#deadline.set(nowMs, forward.timeoutMs);
    return true;
  }

  /** What is left of the route's time, or of the try's where that is less. */
  #setExpectedTimeout(forward: CompiledForward): void {
    const perTryMs = forward.retry?.perTryTimeoutMs ?? 0;
    let timeoutMs = forward.timeoutMs;
    if (timeoutMs === 0 && perTryMs === 0) return;
    if (timeoutMs > 0 && this.account.attempts > 0 && this.#body.complete) {
      const spentMs = this.context.clock.now() - this.account.requestCompleteAtMs;
      timeoutMs = Math.max(1, Math.trunc(timeoutMs - spentMs));
    }
    const expectedMs =
      perTryMs > 0 && (timeoutMs === 0 || perTryMs < timeoutMs) ? perTryMs : timeoutMs;
    this.head.headers.set(ID["x-envoy-expected-rq-timeout-ms"], String(expectedMs));
  }

  #tryHost(): void {
    const cluster = this.#cluster as UpstreamCluster;
    const host = this.#pick(cluster);
    if (host === undefined) {
      cluster.stats.count("upstream_cx_none_healthy");
      this.#refuse(NO_HEALTHY_UPSTREAM);
      return;
    }
    const { peers } = this.down.hcm;
    const inbound = peers !== undefined && peers.direction === "inbound";
    this.account.picked(inbound ? host.inbound : host.outbound);
    if (this.#route?.attemptCountInRequest === true) {
      this.head.headers.set(ID["x-envoy-attempt-count"], String(this.account.attempts));
    }
    if (this.#forward?.retry?.avoidPreviousHosts === true) this.#tried.push(host);
    this.#state = "asking";
    if (this.#body.complete) this.#startTryClock(this.context.clock.now());
    this.attempt.start(host);
  }

  #pick(cluster: UpstreamCluster): Host | undefined {
    if (cluster.config.discovery === "originalDst") {
      const address = this.down.originalDestination;
      return address === undefined ? undefined : cluster.pickAddress(address);
    }
    let host = cluster.pick();
    let again = this.#tried.length > 0 ? (this.#forward?.retry?.hostSelectionAttempts ?? 0) : 0;
    for (; again > 0 && host !== undefined && this.#tried.includes(host); again--) {
      host = cluster.pick();
    }
    return host;
  }

  #startTryClock(nowMs: number): void {
    const perTryMs = this.#forward?.retry?.perTryTimeoutMs ?? 0;
    if (perTryMs > 0) this.attempt.startClock(nowMs, perTryMs);
  }

  /** The request's head as it goes upstream. */
  requestText(): string {
    return requestText(this.request, this.head);
  }

  /** The attempt has a connection and has sent the head: the body follows. */
  onAttemptReady(): void {
    const body = this.#body;
    for (let i = 0; i < body.pieces.length; i++) {
      const piece = body.pieces[i] as Buffer;
      this.attempt.sendData(piece, 0, piece.length);
    }
    if (!this.#retry.enabled) body.forget();
    if (body.complete) this.attempt.sendEnd();
    else this.#resumeRequest();
  }

  onRequestData(bytes: Buffer, start: number, end: number): void {
    const { account, attempt } = this;
    account.wireBytesReceived += end - start;
    account.bodyBytesReceived += end - start;
    if (this.#state === "idle") return;
    this.#touch();
    const body = this.#body;
    if (this.#retry.enabled || !attempt.sending) body.keep(bytes, start, end);
    if (this.#retry.enabled && body.tooLargeToReplay) this.#retry.giveUp();
    if (!attempt.sending) {
      if (body.tooLargeToWait) this.#pauseRequest();
      return;
    }
    if (!this.#retry.enabled) body.forget();
    attempt.sendData(bytes, start, end);
  }

  onRequestEnd(): void {
    this.#body.complete = true;
    if (this.#state === "idle") return;
    const nowMs = this.context.clock.now();
    this.account.requestCompleteAtMs = nowMs;
    if (this.#state === "answering") {
      if (this.attempt.sending) this.attempt.sendEnd();
      return;
    }
    this.#deadline.set(nowMs, this.#forward?.timeoutMs ?? 0);
    this.#startTryClock(nowMs);
    if (this.attempt.sending) this.attempt.sendEnd();
  }

  /** No response came of an attempt. */
  onAttemptFailed(reason: ResetReason, detail: string, requestStarted: boolean): void {
    this.failureDetail = detail;
    const verdict = this.#retry.onReset(reason, requestStarted);
    if (verdict === "retry") this.#backOffAndRetry();
    else this.#refuse(resetReply(reason, this.account.attempts > 1), verdict);
  }

  onPerTryTimeout(): void {
    const verdict = this.#retry.onPerTryTimeout();
    if (verdict === "retry") this.#backOffAndRetry();
    else this.#refuse(PER_TRY_TIMEOUT, verdict);
  }

  #backOffAndRetry(): void {
    this.#state = "backingOff";
    const delayMs = this.#retry.nextDelayMs(this.context.random);
    this.#backOff = this.context.clock.after(delayMs, this.#tryAgain.bind(this));
  }

  #tryAgain(): void {
    this.#backOff = undefined;
    this.#setExpectedTimeout(this.#forward as CompiledForward);
    this.#tryHost();
  }

  /** 100, 103, or the 101 that turns the connection into a tunnel. */
  onInterimHead(head: ResponseParser): void {
    const { writer } = this.down;
    removeHopByHop(head.headers);
    if (head.status !== 101) {
      if (head.status === 100 || this.head.version === 10) return;
      writer.text(responseText(head.status, head.headers, ""));
      return;
    }
    if (this.head.upgrade === "") {
      this.attempt.cancel();
      this.onAttemptFailed("protocol error", "", true);
      return;
    }
    this.#state = "tunnel";
    this.#deadline.clear();
    this.responseHeaders = head.headers;
    finishResponseHeaders(head.headers, this.down.hcm, this.context.clock.now());
    this.account.responded(101);
    this.account.details = "via_upstream";
    writer.text(responseText(101, head.headers, "connection: upgrade\r\n"));
    this.down.startTunnel();
  }

  /** The final response's head has arrived. */
  onAttemptHead(head: ResponseParser): void {
    const verdict = this.#retry.onResponse(head.status, head.headers);
    if (verdict === "retry") {
      this.#cluster?.stats.retriedResponse(head.status);
      this.attempt.cancel();
      this.#backOffAndRetry();
      return;
    }
    if (verdict === "limited") this.account.flags |= FLAG_URX;
    if (this.account.attempts > 1 && head.status < 500) {
      this.#cluster?.stats.count("upstream_rq_retry_success");
    }
    this.#respond(head);
  }

  #respond(head: ResponseParser): void {
    const { account, down } = this;
    const { headers } = head;
    const nowMs = this.context.clock.now();
    this.#state = "answering";
    this.#deadline.clear();
    this.#idle.set(nowMs, this.#forward?.idleTimeoutMs ?? down.hcm.config.streamIdleTimeoutMs);
    this.responseHeaders = headers;
    account.upstreamFirstByteAtMs = nowMs;
    account.details = "via_upstream";
    const tookMs = account.requestCompleteAtMs === 0 ? 0 : nowMs - account.requestCompleteAtMs;
    removeHopByHop(headers);
    headers.remove(ID.upgrade);
    down.hcm.peers?.onResponse(headers);
    headers.set(ID["x-envoy-upstream-service-time"], String(Math.trunc(tookMs)));
    account.responded(head.status);
    this.#mutateResponse(headers);
    finishResponseHeaders(headers, down.hcm, nowMs);
    const open = head.body === "chunked" || head.body === "untilClose";
    this.#responseChunked = open && this.head.version === 11;
    if (open && !this.#responseChunked) this.#keepAlive = false;
    this.#writeHead(head.status, headers, this.#responseChunked);
  }

  #mutateResponse(headers: HeaderTable): void {
    const route = this.#route as CompiledRoute;
    if (route.attemptCountInResponse) {
      headers.set(ID["x-envoy-attempt-count"], String(this.account.attempts));
    }
    const inner = this.#target?.responseHeaders;
    for (let i = 0; inner !== undefined && i < inner.length; i++) {
      inner[i]?.apply(headers, this.source);
    }
    for (let i = 0; i < route.responseHeaders.length; i++) {
      route.responseHeaders[i]?.apply(headers, this.source);
    }
  }

  #writeHead(status: number, headers: HeaderTable, chunked: boolean): void {
    let tail = chunked ? "transfer-encoding: chunked\r\n" : "";
    if (!this.#keepAlive) tail = `connection: close\r\n${tail}`;
    else if (this.head.version === 10) tail = "connection: keep-alive\r\n";
    const text = responseText(status, headers, tail, this.head.version);
    this.account.wireBytesSent += text.length;
    this.down.writer.text(text);
  }

  onResponseData(bytes: Buffer, start: number, end: number): void {
    const { writer } = this.down;
    const length = end - start;
    this.account.wireBytesSent += length;
    this.account.bodyBytesSent += length;
    this.#touch();
    if (this.#responseChunked) writer.text(chunkHead(length));
    writer.bytes(bytes, start, end);
    if (this.#responseChunked) writer.text("\r\n");
  }

  onResponseEnd(): void {
    if (this.#responseChunked) this.down.writer.text(LAST_CHUNK);
    this.account.upstreamCompleted(this.context.clock.now());
    this.#finish(this.#keepAlive && this.#body.complete);
  }

  /** The upstream went away in the middle of its response. */
  onResponseTruncated(reason: ResetReason): void {
    if (this.#state === "tunnel") {
      this.down.endTunnel();
      this.#finish(false);
      return;
    }
    this.account.flags |= FLAG_UC;
    this.account.details = `upstream_reset_after_response_started{${reason.replaceAll(" ", "_")}}`;
    this.#abort();
  }

  onTunnelData(bytes: Buffer, start: number, end: number): void {
    this.account.bodyBytesSent += end - start;
    this.account.wireBytesSent += end - start;
    this.#touch();
    this.down.writer.bytes(bytes, start, end);
  }

  onTunnelEnd(): void {
    this.down.endTunnel();
  }

  onClientTunnelData(bytes: Buffer, start: number, end: number): void {
    this.account.bodyBytesReceived += end - start;
    this.account.wireBytesReceived += end - start;
    this.#touch();
    this.attempt.sendTunnel(bytes, start, end);
  }

  onClientTunnelEnd(): void {
    this.attempt.endTunnel();
  }

  onUpstreamBlocked(): void {
    this.#pauseRequest();
  }

  onUpstreamDrained(): void {
    this.#resumeRequest();
  }

  onDownstreamBlocked(): void {
    this.#cluster?.stats.count("upstream_flow_control_paused_reading_total");
    this.attempt.pauseReading();
  }

  onDownstreamDrained(): void {
    this.#cluster?.stats.count("upstream_flow_control_resumed_reading_total");
    this.attempt.resumeReading();
  }

  /** The client has gone, or broke the protocol, before the response was complete. */
  onClientGone(flag: number = FLAG_DC): void {
    if (this.#state === "idle") return;
    this.account.flags |= flag;
    if (this.account.details === "") this.account.details = "downstream_remote_disconnect";
    this.#stopAttempt();
    this.#account();
  }

  onDeadline(kind: string): void {
    if (kind === "route") this.#cluster?.stats.count("upstream_rq_timeout");
    else this.down.hcm.account.http.count("downstream_rq_idle_timeout");
    const reply = kind === "route" ? RESPONSE_TIMEOUT : STREAM_IDLE_TIMEOUT;
    this.#stopAttempt();
    if (this.#state !== "answering" && this.#state !== "tunnel") {
      this.#refuse(reply);
      return;
    }
    this.account.flags |= reply.flag;
    this.account.details = reply.details;
    this.#abort();
  }

  /** Answers for the upstream. Always false, so that a step of the way can end with it. */
  #refuse(reply: LocalReply, verdict: RetryVerdict = "no"): false {
    const { account, down } = this;
    this.#state = "answering";
    account.flags |= reply.flag | (verdict === "limited" ? FLAG_URX : 0);
    account.details = reply.details;
    if (reply === NO_ROUTE) down.hcm.account.http.count("no_route");
    const headers = localReplyHeaders(reply);
    this.responseHeaders = headers;
    if (this.#route !== undefined) this.#mutateResponse(headers);
    account.responded(reply.status);
    finishResponseHeaders(headers, down.hcm, this.context.clock.now());
    if (reply.close === true || !this.#body.complete) this.#keepAlive = false;
    const empty = reply.body === "" && !this.#bodiless(reply.status);
    if (empty) headers.set(ID["content-length"], "0");
    this.#writeHead(reply.status, headers, false);
    if (this.request.method !== "HEAD" && reply.body !== "") {
      const bytes = Buffer.from(reply.body);
      account.bodyBytesSent += bytes.length;
      account.wireBytesSent += bytes.length;
      down.writer.bytes(bytes, 0, bytes.length);
    }
    this.#finish(this.#keepAlive);
    return false;
  }

  #bodiless(status: number): boolean {
    return status < 200 || status === 204 || status === 304;
  }

  #touch(): void {
    const idleMs = this.#forward?.idleTimeoutMs ?? this.down.hcm.config.streamIdleTimeoutMs;
    if (idleMs > 0) this.#idle.set(this.context.clock.now(), idleMs);
  }

  #pauseRequest(): void {
    this.#requestPaused = true;
    this.down.pauseReading();
  }

  #resumeRequest(): void {
    if (!this.#requestPaused) return;
    this.#requestPaused = false;
    this.down.resumeReading();
  }

  #stopAttempt(): void {
    this.#backOff?.cancel();
    this.#backOff = undefined;
    this.attempt.cancel();
  }

  #abort(): void {
    this.#account();
    this.down.reset();
  }

  #finish(keepAlive: boolean): void {
    if (this.attempt.sending) this.attempt.cancel();
    this.#account();
    this.down.onExchangeEnd(keepAlive);
  }

  #account(): void {
    this.#state = "idle";
    this.#retry.release();
    this.#deadline.clear();
    this.#idle.clear();
    this.#body.forget();
    this.account.end(this.context.clock.now(), this.source);
  }

  /** The connection is gone for good. */
  dispose(): void {
    this.#deadline.dispose();
    this.#idle.dispose();
    this.attempt.dispose();
  }
}
