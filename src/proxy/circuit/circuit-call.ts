// hot path: no allocation per request
import type { Timer } from "../../base/clock.ts";
import type { Outcome, Permit } from "../../breaker/breaker.ts";
import { grpcStatusOfHttp } from "../../codec/grpc/status.ts";
import { ID } from "../../codec/http/header-name.ts";
import { asksForTunnel, type ResponseMessage } from "../../codec/http/message.ts";
import type { ProxyContext, UpstreamCluster } from "../cluster/upstream-cluster.ts";
import type { ExchangeParts } from "../exchange-source.ts";
import { contained, type FaultOwner } from "../faults.ts";
import { grpcStatusIn } from "../grpc/grpc-call.ts";
import type { LocalReply } from "../reply/local-reply.ts";
import {
  FLAG_LR,
  FLAG_SI,
  FLAG_UC,
  FLAG_UF,
  FLAG_UH,
  FLAG_UO,
  FLAG_UPE,
  FLAG_UR,
  FLAG_UT,
} from "../telemetry/response-flags.ts";
import type { Rejection } from "./circuit-stats.ts";
import type { CompiledCircuit } from "./compiled-circuit.ts";
import {
  type CompiledFallback,
  keptStandIn,
  markFallback,
  type StandIn,
  staticStandIn,
} from "./fallback.ts";
import type { LastGoodStore } from "./last-good/last-good-store.ts";
import { type Question, questionOf } from "./last-good/question.ts";
import { type Recording, recordingOf } from "./last-good/recording.ts";

/** The exchange whose call it is, as far as the circuit moves it. */
export interface GuardedExchange extends ExchangeParts, FaultOwner {
  readonly context: ProxyContext;
  refuse(reply: LocalReply): false;
  /** What is under way upstream stops; nobody is told. */
  halt(): void;
  /** Goes to another cluster than its route says, from the beginning. */
  divert(cluster: UpstreamCluster): void;
  /**
   * Answers in the upstream's place, or in that of `why`; what is under way stops. `details`:
   * Envoy's response code details.
   */
  standIn(answer: StandIn, why: LocalReply, details: string): void;
}

/** How a call breaks (Envoy's response flags), and how it fails that does not come so far. */
const BROKEN: number = FLAG_UF | FLAG_UC | FLAG_UR | FLAG_UPE | FLAG_LR | FLAG_UT;
const FAILED: number = BROKEN | FLAG_UO | FLAG_UH;
const EVENT_STREAM = "text/event-stream";
const GATEWAY_TIMEOUT = 504;
/** What only a condition has come to. */
const NOT_MODIFIED = 304;
const PRECONDITION_FAILED = 412;
/** A probe whose answer goes on for so long has succeeded: half of what it has to begin in. */
const LASTING_PROBE_MS = 7500;

/**
 * One call as a circuit sees it: all attempts together, as the caller does. It asks before the
 * first attempt, and tells what became of the call: at the head where that says enough, else at the
 * end. What is refused or has failed may fall back.
 *
 * ```
 *   none -> guarded -> judged -> none
 *    |         +---------+---> diverted (another cluster's from now on) -> none
 *    +- refused: an answer, or diverted
 * ```
 */
export class CircuitCall implements FaultOwner {
  /** An answer that is kept on its way; undefined: it is not. */
  recording: Recording | undefined;
  readonly #exchange: GuardedExchange;
  #circuit: CompiledCircuit | undefined;
  /** 0: judged. */
  #permit: Permit = 0;
  #holdsCall = false;
  #diverted = false;
  /** Until it goes to the other cluster. */
  #leaving: Timer | undefined;
  #other: UpstreamCluster | undefined;
  #whole = false;
  /** The answer has said how long it is. */
  #measured = false;
  #beganAtMs = 0;
  #question: Question | undefined;
  /** Until a probe has succeeded whose answer has begun. */
  #lasting: Timer | undefined;

  constructor(exchange: GuardedExchange) {
    this.#exchange = exchange;
  }

  /** Whether the call may go where it was routed; else it has been answered, or goes elsewhere. */
  begin(): boolean {
    const { route, target } = this.#exchange.routing;
    // Of both, the route's counts.
    const circuit = route?.circuit ?? target?.slot.circuit;
    return circuit === undefined || this.#enter(circuit);
  }

  #enter(compiled: CompiledCircuit): boolean {
    const { context, head, request } = this.#exchange;
    const nowMs = context.clock.now();
    const { circuit, fallback } = compiled;
    this.#circuit = compiled;
    this.#beganAtMs = nowMs;
    this.#whole = false;
    this.#measured = false;
    if (fallback?.kind === "lastGood") this.#question = questionOf(request, head);
    const permit = circuit.acquire(nowMs);
    if (permit === 0) {
      const why = circuit.state === "open" ? "open" : "half_open";
      return this.#reject(compiled, why, compiled.refuseOpen(nowMs));
    }
    if (!circuit.takeCall(compiled.callsMax)) {
      // As Hystrix counts: whoever was refused had an error. A probe says nothing of it.
      circuit.record(circuit.state === "closed" ? "failure" : "ignored", nowMs, permit);
      return this.#reject(compiled, "bulkhead", compiled.refuseFull());
    }
    this.#permit = permit;
    this.#holdsCall = true;
    return true;
  }

  #reject(compiled: CompiledCircuit, why: Rejection, reply: LocalReply): false {
    compiled.stats.rejected(why);
    if (this.#fallBack(compiled, reply, false)) return false;
    return this.#exchange.refuse(reply);
  }

  /** A final head has come that counts. True: it has failed, and something else answers. */
  onHead(head: ResponseMessage): boolean {
    const circuit = this.#circuit;
    if (circuit === undefined) return false;
    if (this.#diverted) markFallback(head.headers, "cluster");
    if (this.#permit === 0) return false;
    if (this.#isError(circuit, head)) {
      this.#judge("failure");
      return circuit.fallback !== undefined && this.#fallBack(circuit, replyOf(head), true);
    }
    this.#measured = head.contentLength >= 0;
    if (this.#question !== undefined) this.#remember(circuit, this.#question, head);
    if (isEventStream(head)) this.#judgeStream(circuit);
    else if (circuit.circuit.state === "halfOpen") this.#watchProbe(circuit);
    return false;
  }

  /** Likewise where there is none: true: something else than this answers. */
  replaces(reply: LocalReply): boolean {
    const circuit = this.#circuit;
    if (circuit === undefined || this.#permit === 0) return false;
    // A client that is late itself hears 408.
    const failed = (reply.flag & FAILED) !== 0 || reply.status === GATEWAY_TIMEOUT;
    this.#judge(failed ? "failure" : "ignored");
    return failed && this.#fallBack(circuit, reply, true);
  }

  /** It has become another protocol's: that it came to this is all that is judged. */
  onTunnel(): void {
    const circuit = this.#circuit;
    if (circuit !== undefined && this.#permit !== 0) this.#judgeStream(circuit);
  }

  /** More of the answer that is kept. */
  keep(recording: Recording, bytes: Buffer, start: number, end: number): void {
    if (!recording.take(bytes, start, end)) this.#stopRecording();
  }

  /** The answer has come whole. */
  onWhole(nowMs: number): void {
    this.#whole = true;
    const { recording } = this;
    if (recording === undefined) return;
    // Nothing is kept of an answer that has more to say than its head and body.
    if (this.#exchange.response.trailers.count === 0) recording.keep(nowMs);
    this.#stopRecording();
  }

  /** The exchange is over. */
  end(nowMs: number): void {
    const compiled = this.#circuit;
    if (compiled === undefined) return;
    if (this.#permit !== 0) this.#judge(this.#verdict(compiled, nowMs));
    this.#release(compiled);
    if (this.#diverted) {
      compiled.circuit.releaseFallback();
      compiled.stats.fellBack(this.#hasFailed() ? "failed" : "served");
    }
    this.#stopRecording();
    this.#stay();
    this.#diverted = false;
    this.#circuit = undefined;
    this.#question = undefined;
  }

  #isError(circuit: CompiledCircuit, { headers, status }: ResponseMessage): boolean {
    if (circuit.isErrorStatus(status)) return true;
    return this.#exchange.account.grpc && circuit.isErrorGrpc(grpcStatusIn(headers));
  }

  #judgeStream(circuit: CompiledCircuit): void {
    const slow = circuit.isSlow(this.#tookMs(this.#exchange.context.clock.now()));
    this.#judge(slow ? "failure" : "success");
  }

  /** Of a call that was not judged before its end. */
  #verdict(circuit: CompiledCircuit, nowMs: number): Outcome {
    const { account } = this.#exchange;
    // Also where the client did not wait for it: else who never answers would never fail.
    if (circuit.isSlow(this.#tookMs(nowMs))) return "failure";
    if (!this.#whole) return this.#isBroken() ? "failure" : "ignored";
    if (!account.grpc) return "success";
    const status = account.grpcStatus < 0 ? grpcStatusOfHttp(account.code) : account.grpcStatus;
    return circuit.isErrorGrpc(status) ? "failure" : "success";
  }

  /** Also where it fell silent in an answer that was to go on; a stream without end may do so. */
  #isBroken(): boolean {
    const { flags, heldUp, requestCompleteAtMs } = this.#exchange.account;
    if ((flags & BROKEN) !== 0) return true;
    const isSilent = (flags & FLAG_SI) !== 0 && requestCompleteAtMs > 0 && !heldUp;
    return isSilent && this.#measured;
  }

  /**
   * Of the upstream's own time: from the moment that it could have all of the request, and no
   * further than to its head where the client has held up the rest. Who sends or reads slowly must
   * not open the circuit for all others.
   */
  #tookMs(nowMs: number): number {
    const { heldUp, requestCompleteAtMs, upstreamFirstByteAtMs } = this.#exchange.account;
    if (requestCompleteAtMs === 0) return 0;
    const endMs = heldUp ? upstreamFirstByteAtMs : nowMs;
    return endMs - Math.max(this.#beganAtMs, requestCompleteAtMs);
  }

  /** Else a service whose answers all last would never close its circuit. */
  #watchProbe({ policy }: CompiledCircuit): void {
    if (policy.errors.slowerThanMs !== undefined) return;
    const { clock } = this.#exchange.context;
    const delayMs = Math.max(0, this.#beganAtMs + LASTING_PROBE_MS - clock.now());
    this.#lasting = clock.after(delayMs, contained(this as CircuitCall, this.#lasts));
  }

  #lasts(): void {
    this.#judge("success");
  }

  #judge(outcome: Outcome): void {
    this.#lasting?.cancel();
    this.#lasting = undefined;
    const nowMs = this.#exchange.context.clock.now();
    this.#circuit?.circuit.record(outcome, nowMs, this.#permit);
    this.#permit = 0;
  }

  #release({ circuit }: CompiledCircuit): void {
    if (this.#holdsCall) circuit.releaseCall();
    this.#holdsCall = false;
  }

  #hasFailed(): boolean {
    const { account } = this.#exchange;
    return !this.#whole || account.code >= 500 || (account.flags & BROKEN) !== 0;
  }

  /** A good answer takes the last one's place, or shows that there is none to be kept. */
  #remember({ fallback }: CompiledCircuit, question: Question, head: ResponseMessage): void {
    if (fallback?.kind !== "lastGood" || isEventStream(head)) return;
    const { request } = this.#exchange;
    // What HEAD is answered says nothing of GET.
    if (request.method !== "GET") return;
    const recording = recordingOf(fallback.store, question.text, request, head);
    if (question.keeps) this.recording = recording;
    const { status } = head;
    if (recording !== undefined || status === NOT_MODIFIED || status === PRECONDITION_FAILED)
      return;
    fallback.store.forget(question.text);
  }

  #stopRecording(): void {
    this.recording?.end();
    this.recording = undefined;
  }

  /** `why`: the answer otherwise. `asked`: the upstream was. False: there is nothing else. */
  #fallBack(compiled: CompiledCircuit, why: LocalReply, asked: boolean): boolean {
    const { fallback, stats } = compiled;
    if (fallback === undefined) return false;
    if (fallback.kind === "cluster") {
      return this.#divert(compiled, fallback.slot.cluster, why, asked);
    }
    const answer = this.#answerOf(fallback, asked);
    if (answer === undefined) {
      stats.fellBack("missing");
      return false;
    }
    this.#release(compiled);
    stats.fellBack("served");
    this.#exchange.standIn(answer, why, asked ? compiled.fallbackDetails : why.details);
    return true;
  }

  #answerOf(
    fallback: Exclude<CompiledFallback, { readonly kind: "cluster" }>,
    asked: boolean,
  ): StandIn | undefined {
    const { account, head } = this.#exchange;
    // A 2xx would be the beginning of a tunnel.
    if (asksForTunnel(head)) return undefined;
    if (fallback.kind === "static") return staticStandIn(fallback, head, account.grpc);
    return this.#findKept(fallback.store, asked);
  }

  #findKept(store: LastGoodStore, asked: boolean): StandIn | undefined {
    if (this.#question === undefined) return undefined;
    const { context, head, request } = this.#exchange;
    const nowMs = context.clock.now();
    const kept = store.find(this.#question.text, request, nowMs);
    return kept === undefined ? undefined : keptStandIn(kept, head, nowMs, asked);
  }

  /** What was sent upstream goes to the other cluster as well, so all of it must still be there. */
  #divert(
    compiled: CompiledCircuit,
    cluster: UpstreamCluster | undefined,
    why: LocalReply,
    asked: boolean,
  ): boolean {
    const { circuit, stats } = compiled;
    if (cluster === undefined) {
      stats.fellBack("missing");
      return false;
    }
    if (asked && !this.#exchange.body.whole) {
      stats.fellBack("unrepeatable");
      return false;
    }
    if (!circuit.takeFallback(compiled.fallbacksMax)) {
      stats.fellBack("rejected");
      return false;
    }
    this.#release(compiled);
    this.#diverted = true;
    this.#count(why);
    if (asked) this.#leaveSoon(cluster);
    else this.#exchange.divert(cluster);
    return true;
  }

  /** For the cluster, which has had a call that ended so, whoever answers it. */
  #count({ clusterStatus, status, uncounted }: LocalReply): void {
    const { account } = this.#exchange;
    const counted = uncounted === true ? 0 : (clusterStatus ?? status);
    if (counted > 0) account.cluster.responded(counted, account.internal);
  }

  /** In a turn of its own: the connection that has just failed is still in the middle of it. */
  #leaveSoon(cluster: UpstreamCluster): void {
    this.#exchange.halt();
    this.#other = cluster;
    const { clock } = this.#exchange.context;
    this.#leaving = clock.after(0, contained(this as CircuitCall, this.#leave));
  }

  #leave(): void {
    const cluster = this.#other as UpstreamCluster;
    this.#stay();
    this.#exchange.divert(cluster);
  }

  #stay(): void {
    this.#leaving?.cancel();
    this.#leaving = undefined;
    this.#other = undefined;
  }

  onFault(error: unknown): void {
    this.#exchange.onFault(error);
  }
}

/** An upstream's answer that the client does not get, as far as it is counted. */
function replyOf({ status }: ResponseMessage): LocalReply {
  return { status, body: "", flag: 0, details: "via_upstream" };
}

function isEventStream({ headers }: ResponseMessage): boolean {
  return headers.get(ID["content-type"])?.startsWith(EVENT_STREAM) === true;
}
