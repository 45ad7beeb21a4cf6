// hot path: no allocation per request
import type { ResponseMessage } from "../../codec/http/message.ts";
import { Attempt } from "../attempt.ts";
import type { UpstreamCluster } from "../cluster/upstream-cluster.ts";
import type { Exchange } from "../exchange.ts";
import { NO_HEALTHY_UPSTREAM, PER_TRY_TIMEOUT, resetReply } from "../reply/replies.ts";
import type { CompiledForward } from "../route/compiled-route.ts";
import { countAttempt } from "../route/finalize.ts";
import { FLAG_URX } from "../telemetry/response-flags.ts";
import type { ResetReason } from "../upstream/stream-handler.ts";
import { BackOff, type BackOffOwner } from "./back-off.ts";
import { HostChoice } from "./host-choice.ts";
import { RetryState } from "./retry-state.ts";

/**
 * The tries of one exchange: which host the next one goes to, when, and whether there is a next one
 * at all. It tells the exchange of the one answer that counts, or why there is none.
 */
export class Attempts implements BackOffOwner {
  readonly hosts: HostChoice;
  readonly retry: RetryState = new RetryState();
  /** The one under way, or the last one. */
  readonly current: Attempt;
  readonly #exchange: Exchange;
  readonly #backOff: BackOff;

  constructor(exchange: Exchange) {
    const { clock, random } = exchange.context;
    this.#exchange = exchange;
    this.hosts = new HostChoice(random);
    this.current = new Attempt(exchange, this);
    this.#backOff = new BackOff(clock, this);
  }

  /** A new request, of which nothing is known yet. */
  reset(): void {
    this.retry.reset();
    this.hosts.reset();
  }

  /** The request goes this way. */
  admit(forward: CompiledForward, cluster: UpstreamCluster): void {
    this.retry.begin(forward.retry, cluster);
  }

  /** Goes to a host; the exchange is refused where there is none. */
  next(): void {
    const { account, body, down, head, request, routing } = this.#exchange;
    const cluster = routing.cluster as UpstreamCluster;
    const host = this.hosts.next(cluster, down.originalDestination, routing.forward?.retry);
    if (host === undefined) {
      cluster.stats.count("upstream_cx_none_healthy");
      this.#exchange.refuse(NO_HEALTHY_UPSTREAM);
      return;
    }
    const inbound = down.hcm.peers?.direction === "inbound";
    account.picked(inbound ? host.inbound : host.outbound);
    countAttempt(head.headers, routing.route, account.attempts);
    if (account.attempts === 1) body.mirror(request, head, routing);
    if (body.complete) this.#startClock(this.#exchange.context.clock.now());
    this.current.start(host, routing.forward?.terminatesConnect === true);
  }

  /** The request is complete: the time of a try that is under way runs from now on. */
  requestComplete(nowMs: number): void {
    if (!this.#backOff.active) this.#startClock(nowMs);
  }

  #startClock(nowMs: number): void {
    this.current.startClock(nowMs, this.#exchange.routing.forward?.retry?.perTryTimeoutMs ?? 0);
  }

  /** It has a connection and has sent the head: the body follows. */
  onReady(attempt: Attempt): void {
    this.#exchange.body.replay(attempt);
  }

  /** The final response's head has arrived. */
  onHead(attempt: Attempt, head: ResponseMessage): void {
    const { account, routing } = this.#exchange;
    const verdict = this.retry.onResponse(head.status, head.headers);
    if (verdict === "retry") {
      routing.cluster?.stats.retriedResponse(head.status);
      attempt.cancel();
      this.#tryAgain();
      return;
    }
    if (verdict === "limited") account.flags |= FLAG_URX;
    if (verdict === "no" && account.attempts > 1 && head.status < 500) {
      routing.cluster?.stats.count("upstream_rq_retry_success");
    }
    this.#exchange.onResponse(head);
  }

  /** No response came of it. */
  onFailed(reason: ResetReason, detail: string, requestStarted: boolean): void {
    this.#exchange.failureDetail = detail;
    const retried = this.#exchange.account.attempts > 1;
    const verdict = this.retry.onReset(reason, requestStarted);
    if (verdict === "retry") this.#tryAgain();
    else this.#exchange.refuse(resetReply(reason, retried, detail), verdict);
  }

  onPerTryTimeout(): void {
    const verdict = this.retry.onPerTryTimeout();
    if (verdict === "retry") this.#tryAgain();
    else this.#exchange.refuse(PER_TRY_TIMEOUT, verdict);
  }

  #tryAgain(): void {
    this.#backOff.begin(this.retry.nextDelayMs(this.#exchange.context.random));
  }

  onBackOffEnd(): void {
    const { requestCompleteAtMs } = this.#exchange.account;
    if (requestCompleteAtMs > 0) {
      this.#exchange.expectWithin(this.#exchange.context.clock.now() - requestCompleteAtMs);
    }
    this.next();
  }

  /** Whatever is under way stops; nobody is told. */
  stop(): void {
    this.#backOff.stop();
    this.current.cancel();
  }

  /** The exchange has its answer whole, or never will. */
  end(): void {
    this.retry.release();
  }

  /** It is logged: nothing is held any more. */
  forget(): void {
    this.current.forget();
  }

  onFault(error: unknown): void {
    this.#exchange.onFault(error);
  }

  dispose(): void {
    this.current.dispose();
  }
}
