// hot path: no allocation per request
import type { HeaderTable } from "../codec/http/header-table.ts";
import type { RequestMessage, ResponseMessage } from "../codec/http/message.ts";
import { CircuitCall, type GuardedExchange } from "./circuit/circuit-call.ts";
import type { StandIn } from "./circuit/fallback.ts";
import type { ProxyContext, UpstreamCluster } from "./cluster/upstream-cluster.ts";
import type { DeadlineOwner } from "./deadline.ts";
import type { Downstream } from "./downstream.ts";
import { ExchangeSource } from "./exchange-source.ts";
import { takeRequest } from "./filters/decode-request.ts";
import { DynamicMetadata } from "./filters/dynamic-metadata.ts";
import { type FilteredExchange, HttpFilters } from "./filters/http-filter.ts";
import { takeRequestTrailers } from "./filters/underscores.ts";
import { noteGrpcStatus } from "./grpc/grpc-call.ts";
import { type GrpcWeb, grpcWebOf } from "./grpc/grpc-web.ts";
import { Answer } from "./reply/answer.ts";
import type { LocalReply } from "./reply/local-reply.ts";
import * as replies from "./reply/replies.ts";
import { reportOf } from "./reply/reset.ts";
import { ResponseWriter } from "./reply/response-writer.ts";
import { Attempts } from "./retry/attempts.ts";
import type { HostChoice } from "./retry/host-choice.ts";
import { RequestStream } from "./retry/request-stream.ts";
import type { RetryVerdict } from "./retry/retry-state.ts";
import { Timeouts, timeoutReply } from "./retry/timeouts.ts";
import type { CompiledForward, CompiledRoute, Target } from "./route/compiled-route.ts";
import { finalizeRequest } from "./route/finalize.ts";
import { RequestHead } from "./route/request-head.ts";
import { Routing } from "./route/routing.ts";
import { FlowControl } from "./stream/flow-control.ts";
import { Tunnel } from "./stream/tunnel.ts";
import { RequestAccount } from "./telemetry/account.ts";
import { FLAG_DC, FLAG_UO, FLAG_URX } from "./telemetry/response-flags.ts";
import type { ResetReason } from "./upstream/stream-handler.ts";

/**
 * ```
 *   idle -> filtering -> asking -> answering -> idle
 *             |            |           |
 *             +-- reply ---+-> idle    +- 101, 2xx to CONNECT -> tunnel -> idle
 * ```
 */
type State = "idle" | "filtering" | "asking" | "answering" | "tunnel";

/**
 * One request on its way through. Owned by its connection and used for one request after the
 * other; nobody keeps it past `finish`. The methods stand in the order of the request line:
 * decode, route, filter, admit, attempt (pick, send, receive), respond, account.
 */
export class Exchange implements FilteredExchange, GuardedExchange, DeadlineOwner {
  readonly context: ProxyContext;
  readonly down: Downstream;
  readonly head: RequestMessage;
  readonly request: RequestHead;
  readonly account: RequestAccount = new RequestAccount();
  readonly attempts: Attempts;
  readonly source: ExchangeSource;
  readonly tunnel: Tunnel;
  readonly flow: FlowControl;
  readonly response: ResponseWriter;
  readonly routing: Routing = new Routing();
  readonly filters: HttpFilters;
  readonly metadata: DynamicMetadata = new DynamicMetadata();
  failureDetail = "";
  readonly #web: GrpcWeb;
  readonly #answer: Answer;
  readonly body: RequestStream;
  readonly hosts: HostChoice;
  readonly timeouts: Timeouts;
  readonly #circuit: CircuitCall = new CircuitCall(this);
  #state: State = "idle";

  constructor(down: Downstream, head: RequestMessage) {
    const { config, context } = down.hcm;
    this.context = context;
    this.down = down;
    this.head = head;
    this.request = new RequestHead(head.headers);
    this.attempts = new Attempts(this);
    this.hosts = this.attempts.hosts;
    this.source = new ExchangeSource(this);
    this.#web = grpcWebOf(down.hcm.grpcWeb);
    this.response = new ResponseWriter(down, head, this.account, this.#web);
    this.#answer = new Answer(this, this.source, this.#web);
    this.body = new RequestStream(down, this.attempts.retry, this.#web);
    this.filters = new HttpFilters(down.hcm.filters, this);
    this.timeouts = new Timeouts(this.context.clock, this, config.maxStreamDurationMs);
    this.flow = new FlowControl(this.attempts, this.body, this.account);
    this.tunnel = new Tunnel(down, this.attempts, this.account, this.response, this.timeouts);
  }

  get active(): boolean {
    return this.#state !== "idle";
  }

  /** A head has been decoded: the whole way, as far as it goes without waiting. */
  begin(headBytes: number): void {
    this.#reset(headBytes);
    if (!this.#decode()) return;
    this.#findRoute();
    this.down.hcm.peers?.onRequest(this.head.headers, this.account);
    const verdict = this.filters.onRequest();
    if (verdict === "wait") this.#hold();
    else this.onFiltered(verdict);
  }

  #reset(headBytes: number): void {
    const nowMs = this.context.clock.now();
    this.#state = "filtering";
    this.account.begin(this.down.hcm.account, nowMs, this.head.version);
    this.account.wireBytesReceived = headBytes;
    this.response.begin();
    this.failureDetail = "";
    this.routing.reset();
    this.filters.reset();
    this.metadata.reset();
    this.attempts.reset();
    this.body.begin(this.head.body === "none");
    if (this.body.complete) this.account.requestCompleteAtMs = nowMs;
    this.timeouts.begin(nowMs, this.down.hcm.config.streamIdleTimeoutMs);
  }

  #decode(): boolean {
    const { head } = this;
    const refusal = takeRequest(head, this.request, this.down, this.account);
    if (refusal !== undefined) return this.refuse(refusal);
    if (head.expectsContinue && !this.body.complete) this.response.invite();
    return true;
  }

  #findRoute(): void {
    this.routing.find(this.request, this.down.hcm);
    if (this.#web.takeRequest(this.head.headers)) this.account.grpc = true;
  }

  #hold(): void {
    const { account, head, routing } = this;
    this.timeouts.hold(routing.route?.action, head.headers, account.grpc, account.startedAtMs);
  }

  /** All filters have let the request pass, or one has answered it; maybe turns after `begin`. */
  onFiltered(reply: LocalReply | undefined): void {
    if (reply !== undefined) this.refuse(reply);
    else if (this.#admit() && this.#circuit.begin()) this.#ask();
  }

  #admit(): boolean {
    const reply = this.routing.settle(this.request, this.down.hcm, this.context.random);
    if (reply !== undefined) return this.refuse(reply);
    const forward = this.routing.forward as CompiledForward;
    const cluster = this.routing.cluster as UpstreamCluster;
    const { peers } = this.down.hcm;
    this.#routed(cluster);
    if (cluster.config.service !== undefined) peers?.introduce(this.head.headers);
    const nowMs = this.account.startedAtMs;
    this.timeouts.admit(forward, this.head.headers, this.account.grpc, nowMs);
    this.timeouts.announce(this.head.headers, 0);
    const { route, target } = this.routing;
    finalizeRequest(this.request, route as CompiledRoute, forward, target as Target, this.source);
    this.#choose(forward, cluster);
    const readyAtMs = this.filters.held ? this.context.clock.now() : nowMs;
    if (this.body.complete) this.timeouts.startRoute(readyAtMs);
    return true;
  }

  #routed(cluster: UpstreamCluster): void {
    const inbound = this.down.hcm.peers?.direction === "inbound";
    this.account.routed(cluster.stats, inbound ? cluster.inbound : cluster.outbound);
  }

  #choose(forward: CompiledForward, cluster: UpstreamCluster): void {
    this.attempts.retry.begin(forward.retry, cluster, this.request);
    this.hosts.admit(forward.hash, cluster, this.request, this.source);
  }

  halt(): void {
    this.attempts.stop();
  }

  /** A circuit sends the request elsewhere: all of it goes there, as if it came now. */
  divert(cluster: UpstreamCluster): void {
    this.attempts.reset();
    this.timeouts.touch();
    this.routing.cluster = cluster;
    this.#routed(cluster);
    this.#choose(this.routing.forward as CompiledForward, cluster);
    if (this.body.complete) this.timeouts.startRoute(this.context.clock.now());
    this.#ask();
  }

  #ask(): void {
    this.#state = "asking";
    this.attempts.retry.go();
    this.attempts.next();
  }

  onRequestData(bytes: Buffer, start: number, end: number): void {
    this.account.wireBytesReceived += end - start;
    this.account.bodyBytesReceived += end - start;
    if (this.#state === "idle") return;
    this.timeouts.touch();
    if (!this.body.take(this.attempts.current, bytes, start, end))
      this.giveUp(replies.BAD_GRPC_WEB);
    else this.filters.onBody();
  }

  /** They stand behind the body; `onRequestEnd` follows at once. */
  onRequestTrailers(trailers: HeaderTable): void {
    takeRequestTrailers(trailers, this.down.hcm);
    this.body.takeTrailers(trailers);
  }

  onRequestEnd(): void {
    this.body.finish();
    if (this.#state === "idle") return;
    const nowMs = this.context.clock.now();
    this.account.requestCompleteAtMs = nowMs;
    if (!this.#web.whole) {
      this.giveUp(replies.BAD_GRPC_WEB);
      return;
    }
    this.timeouts.startRoute(nowMs);
    if (this.#state === "asking") this.attempts.requestComplete(nowMs);
    const attempt = this.attempts.current;
    if (attempt.sending) this.body.sendEnd(attempt);
    else this.filters.onBody();
  }

  /** 100, 103, or the 101 that turns the connection into a tunnel. */
  onInterimHead(head: ResponseMessage): void {
    if (head.status !== 101) {
      this.response.interim(head);
    } else {
      this.#openTunnel(head, this.context.clock.now());
    }
  }

  /** The head of the response that counts has arrived. */
  onResponse(head: ResponseMessage): void {
    if (this.#circuit.onHead(head)) return;
    this.body.settle();
    const nowMs = this.context.clock.now();
    this.#state = "answering";
    this.timeouts.touch();
    this.#answer.take(head, nowMs);
    if (this.head.method !== "CONNECT" || head.status >= 300) {
      this.response.head(head, nowMs);
      return;
    }
    this.#openTunnel(head, nowMs);
  }

  #openTunnel(head: ResponseMessage, nowMs: number): void {
    this.#circuit.onTunnel();
    this.#state = "tunnel";
    this.tunnel.open(head, nowMs);
  }

  onResponseData(bytes: Buffer, start: number, end: number): void {
    this.timeouts.touch();
    const { recording } = this.#circuit;
    if (recording !== undefined) this.#circuit.keep(recording, bytes, start, end);
    this.response.data(bytes, start, end);
  }

  onResponseTrailers(trailers: HeaderTable): void {
    this.response.trailers = trailers;
    noteGrpcStatus(this.account, trailers);
  }

  onResponseEnd(): void {
    const nowMs = this.context.clock.now();
    this.#circuit.onWhole(nowMs);
    this.response.end();
    this.account.upstreamCompleted(nowMs);
    this.#finish(this.down.encoder.keepAlive && this.body.complete);
  }

  /** The upstream went away in the middle of its response, or at the end of a tunnel. */
  onResponseTruncated(reason: ResetReason): void {
    this.account.flags |= reportOf(reason).flag;
    if (this.#state === "tunnel") {
      this.down.endTunnel();
      this.#finish(false);
      return;
    }
    this.account.details = `upstream_reset_after_response_started{${reason.replaceAll(" ", "_")}}`;
    this.#abort();
  }

  /** The client's body breaks the protocol: nothing can follow it. */
  onBadBody(): void {
    if (this.#state !== "idle") this.giveUp(replies.BAD_BODY);
  }

  /** The client has gone, or broke the protocol, before the response was complete. */
  onClientGone(flag: number = FLAG_DC): void {
    if (this.#state === "idle") return;
    this.account.flags |= flag;
    this.account.details ||= "downstream_remote_disconnect";
    this.down.hcm.account.http.count("downstream_rq_rx_reset");
    this.attempts.stop();
    this.#account();
  }

  onDeadline(kind: string): void {
    const { http } = this.down.hcm.account;
    const late = kind === "route";
    this.giveUp(late ? this.attempts.timedOut() : timeoutReply(kind, this.body.complete, http));
  }

  /** Ends what is under way: with this answer, or where one has begun, in its middle. */
  giveUp(reply: LocalReply): void {
    this.attempts.stop();
    if (this.#state !== "answering" && this.#state !== "tunnel") {
      this.refuse(reply);
      return;
    }
    this.account.flags |= reply.flag;
    this.account.details = reply.details;
    this.#abort();
  }

  /** Answers for the upstream. Always false, so that a step of the way can end with it. */
  refuse(refusal: LocalReply, verdict: RetryVerdict = "no"): false {
    this.noteVerdict(verdict);
    if (this.#circuit.replaces(refusal)) return false;
    this.#state = "answering";
    this.#answer.local(refusal, this.body.complete, this.context.clock.now());
    this.#finish(this.down.encoder.keepAlive);
    return false;
  }

  /** Answers for the upstream with something else than a refusal. */
  standIn({ body, head }: StandIn, why: LocalReply, details: string): void {
    this.attempts.stop();
    this.#state = "answering";
    this.#answer.standIn(head, why, details, this.context.clock.now());
    if (head.body !== "none") this.response.data(body, 0, body.length);
    this.response.end();
    this.#finish(this.down.encoder.keepAlive);
  }

  /** Why a retry that was wanted does not happen. */
  noteVerdict(verdict: RetryVerdict): void {
    if (verdict === "limited") this.account.flags |= FLAG_URX;
    else if (verdict === "overflow") this.account.flags |= FLAG_UO;
  }

  #abort(): void {
    this.#account();
    this.down.reset();
  }

  #finish(keepAlive: boolean): void {
    this.#account();
    this.down.onExchangeEnd(keepAlive);
  }

  #account(): void {
    this.#state = "idle";
    this.filters.end();
    this.attempts.end();
    this.timeouts.stop();
    this.body.end();
    const nowMs = this.context.clock.now();
    this.#circuit.end(nowMs);
    this.account.end(nowMs, this.source);
    this.attempts.forget();
  }

  onFault(error: unknown): void {
    this.down.onFault(error);
  }

  dispose(): void {
    this.timeouts.dispose();
    this.attempts.dispose();
  }
}
