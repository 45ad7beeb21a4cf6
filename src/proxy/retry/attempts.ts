// hot path: no allocation per request
import type { ResponseMessage } from "../../codec/http/message.ts";
import { type Waiter, WaitingPlace, type WaitingRoom } from "../accrual/waiting-room.ts";
import { Attempt } from "../attempt.ts";
import type { UpstreamCluster } from "../cluster/upstream-cluster.ts";
import type { Exchange } from "../exchange.ts";
import type { LocalReply } from "../reply/local-reply.ts";
import {
  ATTEMPT_TOO_LONG,
  lateReply,
  NO_HEALTHY_UPSTREAM,
  quietReply,
  RESPONSE_TIMEOUT,
  resetReply,
  uncountedReply,
} from "../reply/replies.ts";
import { reportOf } from "../reply/reset.ts";
import { countAttempt } from "../route/finalize.ts";
import type { ResetReason } from "../upstream/stream-handler.ts";
import { BackOff, type BackOffOwner } from "./back-off.ts";
import { HostChoice } from "./host-choice.ts";
import { RetryState } from "./retry-state.ts";

/** So many tries of one request may be under way at a time, whatever their policy allows. */
const IN_FLIGHT_MAX = 10;

/**
 * The tries of one exchange: which host the next one goes to, when, and whether there is a next one
 * at all. It tells the exchange of the one answer that counts, or why there is none. With hedging
 * several are under way at a time: then the others are late ones, which another has joined.
 */
export class Attempts implements BackOffOwner, Waiter {
  readonly hosts: HostChoice;
  readonly retry: RetryState;
  /** The newest one, or the one whose answer counts. */
  current: Attempt;
  readonly #exchange: Exchange;
  readonly #backOff: BackOff;
  /** Late ones that are still under way. */
  readonly #others: Attempt[] = [];
  /** Where it waits for a host that is ready; made when it first does. */
  #place: WaitingPlace | undefined;

  constructor(exchange: Exchange) {
    const { clock, random } = exchange.context;
    this.#exchange = exchange;
    this.hosts = new HostChoice(random);
    this.retry = new RetryState(clock, random);
    this.current = new Attempt(exchange, this);
    this.#backOff = new BackOff(clock, this);
  }

  /** A new request, of which nothing is known yet. */
  reset(): void {
    this.retry.reset();
    this.hosts.reset();
  }

  /** Goes to a host; the exchange is refused where there is none. */
  next(): void {
    const { account, body, down, head, request, routing } = this.#exchange;
    const cluster = routing.cluster as UpstreamCluster;
    const host = this.hosts.next(cluster, down.originalDestination, routing.forward?.retry);
    if (host === undefined) {
      if (cluster.waiting !== undefined && this.#wait(cluster.waiting)) return;
      cluster.stats.count("upstream_cx_none_healthy");
      this.#refuse();
      return;
    }
    const inbound = down.hcm.peers?.direction === "inbound";
    account.picked(inbound ? host.inbound : host.outbound);
    countAttempt(head.headers, routing.route, account.attempts);
    if (account.attempts === 1) body.mirror(request, head, routing);
    if (this.current.active) this.#makeRoom();
    this.current.start(host, routing.forward?.terminatesConnect === true);
  }

  #refuse(): void {
    const { account } = this.#exchange;
    if (account.attempts > 0) account.attempts++;
    this.#exchange.refuse(NO_HEALTHY_UPSTREAM);
  }

  /** Nobody is ready: true where it waits, or has been refused for good. */
  #wait(room: WaitingRoom): boolean {
    this.#place ??= new WaitingPlace(this);
    const refusal = room.join(this.#place);
    if (refusal !== undefined) this.onRefused(refusal);
    return true;
  }

  /** Some host may be ready now. */
  onTurn(): void {
    this.next();
  }

  /** Another cluster may have the place of the one that it waited for. */
  onClosed(): void {
    if (this.#exchange.routing.renew()) this.next();
    else if (!this.#mayCome(undefined)) this.#refuse();
  }

  /** One that was to join others leaves them alone. */
  onRefused(reply: LocalReply): void {
    if (this.#mayCome(undefined)) return;
    this.#exchange.account.cluster.count("upstream_cx_none_healthy");
    this.#exchange.refuse(reply);
  }

  /** The newest one stays under way beside the next, if it is late; else it only has to end. */
  #makeRoom(): void {
    if (!this.current.joined) {
      this.current.cancel();
      return;
    }
    this.#others.push(this.current);
    this.current = new Attempt(this.#exchange, this);
  }

  /** The request is complete: the time of a try that has a connection runs from now on. */
  requestComplete(nowMs: number): void {
    if (this.current.sending) this.current.startClock(nowMs, this.#exchange.timeouts.allowance);
  }

  /** It has a connection and has sent the head: the body follows. */
  onReady(attempt: Attempt): void {
    const { body, context, timeouts } = this.#exchange;
    const { perTryIdleMs, perTryMs, perTryStreamMs } = timeouts.allowance;
    if (perTryStreamMs > 0) attempt.boundStream(context.clock.now(), perTryStreamMs);
    if (body.complete && perTryMs + perTryIdleMs > 0) {
      attempt.startClock(context.clock.now(), timeouts.allowance);
    }
    body.replay(attempt);
  }

  /** The final response's head has arrived. */
  onHead(attempt: Attempt, head: ResponseMessage): void {
    if (this.#another(attempt, head)) return;
    this.settle(attempt);
    this.#exchange.onResponse(head);
  }

  /** True where this response is not the one that counts, or not yet. */
  #another(attempt: Attempt, head: ResponseMessage): boolean {
    if (attempt.joined) return this.retry.wantsResponse(head) && this.#drop(attempt);
    const verdict = this.retry.onResponse(head);
    if (verdict === "no") return false;
    if (verdict === "retry") {
      this.#exchange.account.cluster.retriedResponse(head.status);
      if (head.body === "none" && this.#exchange.body.complete) attempt.letEnd();
      else attempt.cancel();
      this.#tryAgain();
      return true;
    }
    this.#exchange.noteVerdict(verdict);
    return this.#drop(attempt);
  }

  /** A bad answer is thrown away where a better one may come; false: none may. */
  #drop(attempt: Attempt): boolean {
    if (!this.#mayCome(attempt)) return false;
    attempt.cancel();
    this.#remove(attempt);
    return true;
  }

  /** Another try is under way, or will be. */
  #mayCome(besides: Attempt | undefined): boolean {
    if (this.#backOff.active || this.#place?.room !== undefined) return true;
    if (this.current !== besides && this.current.awaiting) return true;
    for (let i = 0; i < this.#others.length; i++) {
      const other = this.#others[i] as Attempt;
      if (other !== besides && other.awaiting) return true;
    }
    return false;
  }

  #remove(attempt: Attempt): void {
    const at = this.#others.indexOf(attempt);
    if (at < 0) return;
    this.#others.splice(at, 1);
    attempt.dispose();
  }

  /** 103 and its like: the client has something of this answer. */
  onInterim(attempt: Attempt, head: ResponseMessage): void {
    const { account } = this.#exchange;
    account.cluster.responded(head.status, account.internal);
    this.settle(attempt);
    this.#exchange.onInterimHead(head);
  }

  /** 101: from now on it is another protocol's, if the client has asked for one. */
  onSwitch(attempt: Attempt, head: ResponseMessage): void {
    if (this.#exchange.head.upgrade === "") {
      attempt.cancel();
      this.onFailed(attempt, "protocol error", "", true);
      return;
    }
    this.settle(attempt);
    this.#exchange.onInterimHead(head);
  }

  /** Its answer is the one that counts: all others are given up. */
  settle(attempt: Attempt): void {
    this.retry.finish();
    this.#backOff.stop();
    this.#place?.leave();
    if (this.#others.length === 0) return;
    if (this.current !== attempt) {
      this.#others.push(this.current);
      this.current = attempt;
    }
    this.#giveUpOthers();
  }

  #giveUpOthers(): void {
    for (let i = 0; i < this.#others.length; i++) {
      const other = this.#others[i] as Attempt;
      if (other === this.current) continue;
      other.cancel();
      other.dispose();
    }
    this.#others.length = 0;
  }

  /** No response came of it. */
  onFailed(attempt: Attempt, reason: ResetReason, detail: string, requestStarted: boolean): void {
    this.#exchange.failureDetail = detail;
    const { account } = this.#exchange;
    const verdict = attempt.joined ? "no" : this.retry.onReset(reason, requestStarted);
    if (verdict === "retry") {
      this.#tryAgain();
    } else if (this.#mayCome(attempt)) {
      this.#exchange.noteVerdict(verdict);
      account.cluster.responded(reportOf(reason).status, account.internal);
      this.#remove(attempt);
    } else {
      const reply = resetReply(reason, account.attempts > 1, detail);
      this.#exchange.refuse(attempt.begun ? lateReply(reply) : reply, verdict);
    }
  }

  /** It was ended for its time was over: another follows, or this is the answer. */
  onTimeout(attempt: Attempt, reply: LocalReply): void {
    const verdict = attempt.joined ? "no" : this.retry.onReset("local reset", true);
    if (verdict === "retry") {
      this.#tryAgain();
      return;
    }
    this.#exchange.noteVerdict(verdict);
    this.#exchange.giveUp(reply.details === ATTEMPT_TOO_LONG.details ? reply : this.#late(reply));
  }

  /** Its time is over, but it may go on: another joins it. */
  onLate(attempt: Attempt): void {
    if (attempt.joined || this.#others.length + 1 >= IN_FLIGHT_MAX) return;
    const verdict = this.retry.onHedge();
    this.#exchange.noteVerdict(verdict);
    if (verdict !== "retry") return;
    attempt.joined = true;
    this.#tryAgain();
  }

  /**
   * The time of all tries together is over. Each that is under way counts as one that was late;
   * between two of them the cluster hears nothing of it (Envoy: onResponseTimeout).
   */
  timedOut(): LocalReply {
    const { account } = this.#exchange;
    const reply = this.#late(RESPONSE_TIMEOUT);
    let awaiting = this.#countLate(this.current);
    for (let i = 0; i < this.#others.length; i++) {
      awaiting += this.#countLate(this.#others[i] as Attempt);
    }
    if (awaiting === 0) return uncountedReply(reply);
    // The last one is counted with the answer.
    for (; awaiting > 1; awaiting--) account.cluster.responded(reply.status, account.internal);
    return reply;
  }

  /** 1 where nothing of its answer has come. */
  #countLate(attempt: Attempt): number {
    if (!attempt.active) return 0;
    this.#exchange.account.cluster.count("upstream_rq_timeout");
    attempt.tellTimeout();
    return attempt.awaiting ? 1 : 0;
  }

  #late(reply: LocalReply): LocalReply {
    return this.#exchange.timeouts.allowance.quiet ? quietReply(reply) : reply;
  }

  #tryAgain(): void {
    this.#backOff.begin(this.retry.nextDelayMs());
  }

  onBackOffEnd(): void {
    const { account, context, head, routing, timeouts } = this.#exchange;
    const { requestCompleteAtMs } = account;
    const spentMs = requestCompleteAtMs > 0 ? context.clock.now() - requestCompleteAtMs : 0;
    timeouts.announce(head.headers, spentMs);
    this.retry.countRetry();
    if (routing.renew()) this.next();
    else this.#refuse();
  }

  /** Whatever is under way stops; nobody is told. */
  stop(): void {
    this.#backOff.stop();
    this.#place?.leave();
    this.current.cancel();
    if (this.#others.length > 0) this.#giveUpOthers();
  }

  /** The exchange has its answer whole, or never will. */
  end(): void {
    if (this.current.active || this.#others.length > 0) this.stop();
    this.#place?.leave();
    this.retry.finish();
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
    for (let i = 0; i < this.#others.length; i++) this.#others[i]?.dispose();
  }
}
