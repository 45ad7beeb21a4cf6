// hot path: no allocation per request
import type { Clock, Timer } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { CircuitState, Outcome, Permit } from "../../breaker/breaker.ts";
import { LocalCells } from "../../breaker/circuit/cells.ts";
import { Circuit } from "../../breaker/circuit/circuit.ts";
import { circuitCells } from "../../breaker/circuit/circuit-cells.ts";
import type { CircuitListener, CircuitOptions } from "../../breaker/circuit/options.ts";
import type { HeaderTable } from "../../codec/http/header-table.ts";
import type { FailureAccrual } from "../../model/upstream/failure-accrual.ts";
import type { Host } from "../cluster/host.ts";
import { BothMonitors, type HostMonitor } from "../cluster/host-monitor.ts";
import type { AccrualStats } from "./accrual-stats.ts";
import { retryHintMs } from "./retry-hint.ts";
import { Term, type TermOwner } from "./term.ts";

/** Linkerd's windows have ten. */
const BUCKETS = 10;

/**
 * A probation whose request has no end, as a stream that nobody closes, is over after this, or
 * after the longest penalty: nothing stays shut for ever.
 */
const PROBATION_MAX_MS = 60_000;

export interface AccrualContext {
  readonly clock: Clock;
  readonly random: Random;
}

/** Hears when an endpoint may be picked, or no more. */
export interface ShutListener {
  onShut(): void;
}

/**
 * Linkerd's judgement of one endpoint: open to requests, shut until its penalty is over, then on
 * probation with one request.
 *
 * ```
 *            failures                penalty over              a request
 *   serving ----------> shut (open) -------------> (still open) ---------> probation (half-open)
 *      ^                  ^                             host.shut = false        |    |
 *      |                  +---------- failure, or no answer in time -------------+    |
 *      +----------------------------- success ----------------------------------------+
 * ```
 *
 * Words in brackets are the circuit's, which reads as Hystrix does.
 */
export class EndpointAccrual implements TermOwner, CircuitListener {
  readonly #accrual: FailureAccrual;
  readonly #context: AccrualContext;
  readonly #stats: AccrualStats;
  readonly #listener: ShutListener;
  readonly #circuit: Circuit;
  #host: Host;
  /** Of others, who hear of the host as well. */
  #others: HostMonitor | undefined;
  #timer: Timer | undefined;
  /** The request on probation; 0: none. */
  #probe: Permit = 0;
  /** By the clock: what answers have asked for. */
  #awayUntilMs = 0;
  #stopped = false;

  constructor(
    host: Host,
    accrual: FailureAccrual,
    context: AccrualContext,
    stats: AccrualStats,
    listener: ShutListener,
  ) {
    this.#accrual = accrual;
    this.#context = context;
    this.#stats = stats;
    this.#listener = listener;
    const options = circuitOptions(accrual);
    const cells = new LocalCells(circuitCells(options.strategy));
    this.#circuit = new Circuit(cells, 0, options, this, () => this.#chance());
    this.#host = host;
    this.#others = host.monitor;
    this.#beginTerm();
  }

  get shut(): boolean {
    return this.#host.shut;
  }

  /** The same endpoint, known by another host from now on. */
  moveTo(host: Host): void {
    host.shut = this.#host.shut;
    this.#host = host;
    this.#others = host.monitor;
    this.#beginTerm();
  }

  /** Nobody asks it any more, and what is still heard of it counts no more. */
  stop(): void {
    this.#stopped = true;
    this.#setTimer(0, undefined);
    if (this.#host.shut) this.#stats.reopened();
    this.#host.shut = false;
  }

  admit(): Permit {
    if (this.#stopped) return 0;
    const permit = this.#circuit.acquire(this.#context.clock.now());
    if (permit !== 0 && this.#circuit.isOpen) this.#beginProbation(permit);
    return permit;
  }

  record(outcome: Outcome, permit: Permit): void {
    if (this.#stopped) return;
    const counted = outcome === "throttled" ? this.#throttled : outcome;
    this.#circuit.record(counted, this.#context.clock.now(), permit);
    if (counted === "ignored" && permit !== 0 && permit === this.#probe) this.#giveUpProbation();
  }

  onBadAnswer(headers: HeaderTable): void {
    if (!this.#accrual.honorRetryAfter) return;
    const { clock } = this.#context;
    const hintMs = Math.min(retryHintMs(headers, clock.wall()), this.#accrual.maxPenaltyMs);
    if (hintMs > 0) this.#awayUntilMs = Math.max(this.#awayUntilMs, clock.now() + hintMs);
  }

  onTransition(_from: CircuitState, to: CircuitState, _at: number, brokenForMs: number): void {
    this.#stats.changed(to, this.#context.clock.wall(), brokenForMs);
    if (to === "open") this.#shut();
    else if (to === "closed") this.#serve();
  }

  /** To `consecutive` it is an answer like others. */
  get #throttled(): Outcome {
    return this.#accrual.successRate === undefined ? "success" : "throttled";
  }

  #shut(): void {
    const nowMs = this.#context.clock.now();
    this.#circuit.sleepUntil(Math.min(this.#awayUntilMs, nowMs + this.#accrual.maxPenaltyMs));
    this.#awayUntilMs = 0;
    this.#probe = 0;
    this.#beginTerm();
    this.#setTimer(this.#circuit.openUntil - nowMs, this.#onPenaltyOver);
    this.#say(true);
  }

  #serve(): void {
    this.#probe = 0;
    this.#awayUntilMs = 0;
    this.#beginTerm();
    this.#setTimer(0, undefined);
    this.#say(false);
  }

  /** It may be picked again, by one request. */
  readonly #onPenaltyOver = (): void => {
    this.#timer = undefined;
    this.#say(false);
  };

  #beginProbation(permit: Permit): void {
    this.#probe = permit;
    this.#setTimer(Math.max(PROBATION_MAX_MS, this.#accrual.maxPenaltyMs), this.#onNoAnswer);
    this.#say(true);
  }

  /** Nobody waits for its answer: another request may try. */
  #giveUpProbation(): void {
    this.#probe = 0;
    this.#setTimer(0, undefined);
    this.#say(false);
  }

  readonly #onNoAnswer = (): void => {
    this.#timer = undefined;
    this.#circuit.trip(this.#context.clock.now());
  };

  #beginTerm(): void {
    const term = new Term(this);
    this.#host.monitor = this.#others === undefined ? term : new BothMonitors(this.#others, term);
  }

  #say(shut: boolean): void {
    if (this.#host.shut === shut) return;
    this.#host.shut = shut;
    if (shut) this.#stats.shut();
    else this.#stats.reopened();
    this.#listener.onShut();
  }

  #setTimer(delayMs: number, callback: (() => void) | undefined): void {
    this.#timer?.cancel();
    this.#timer = callback && this.#context.clock.after(delayMs, callback);
  }

  /** Jitter fills a penalty up to the longest one, and no further. */
  #chance(): number {
    const { jitterRatio, minPenaltyMs, maxPenaltyMs } = this.#accrual;
    const penaltyMs = Math.min(minPenaltyMs * 2 ** this.#circuit.openings, maxPenaltyMs);
    return Math.min(this.#context.random.next(), (maxPenaltyMs / penaltyMs - 1) / jitterRatio);
  }
}

function circuitOptions(accrual: FailureAccrual): CircuitOptions {
  const { maxFailures, successRate, minPenaltyMs, maxPenaltyMs, jitterRatio } = accrual;
  return {
    strategy:
      successRate === undefined
        ? { kind: "consecutive", failures: Math.max(1, maxFailures) }
        : {
            kind: "unified",
            maxFailures,
            successRate: successRate.threshold,
            durationMs: Math.ceil(successRate.windowMs / BUCKETS) * BUCKETS,
            buckets: BUCKETS,
            minRequests: successRate.minRequests,
          },
    sleepMs: minPenaltyMs,
    backoff: { factor: 2, maxMs: maxPenaltyMs, jitterRatio },
    probes: 1,
    // Held by a timer, which needs no request.
    probeTimeoutMs: Number.POSITIVE_INFINITY,
    ignoredProbe: "another",
  };
}
