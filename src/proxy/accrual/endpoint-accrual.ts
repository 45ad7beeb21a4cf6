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
import { BothMonitors, type HostGate, type HostMonitor } from "../cluster/host-monitor.ts";
import { type AccrualMemory, accrualMemoryCells } from "./accrual-memory.ts";
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

/** What an endpoint's judgement is part of. */
export interface AccrualScene extends AccrualContext {
  readonly stats: AccrualStats;
  readonly listener: ShutListener;
  /** What other threads judge too; undefined: this one is alone. */
  readonly memory: AccrualMemory | undefined;
}

/** How often a thread looks whether another one's request on probation has come back. */
const POLL_MS = 20;

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
export class EndpointAccrual implements TermOwner, CircuitListener, HostGate {
  readonly #accrual: FailureAccrual;
  readonly #scene: AccrualScene;
  readonly #circuit: Circuit;
  /** Where its circuit lies in memory that is shared; below 0: it is this thread's own. */
  readonly #sharedAt: number;
  /** Changes of state that have been seen here. */
  #seen = 0;
  #host: Host;
  /** Of others, who hear of the host as well. */
  #others: HostMonitor | undefined;
  #timer: Timer | undefined;
  /** The request on probation; 0: none. */
  #probe: Permit = 0;
  /** By the clock: what answers have asked for. */
  #awayUntilMs = 0;
  #stopped = false;

  constructor(host: Host, accrual: FailureAccrual, scene: AccrualScene) {
    this.#accrual = accrual;
    this.#scene = scene;
    const { memory } = scene;
    this.#sharedAt = memory?.claim(host.key) ?? -1;
    const isShared = memory !== undefined && this.#sharedAt >= 0;
    const cells = isShared ? memory.cells : new LocalCells(circuitCellsOf(accrual));
    const at = isShared ? this.#sharedAt : 0;
    this.#circuit = new Circuit(cells, at, circuitOptions(accrual), this, () => this.#chance());
    this.#seen = this.#circuit.generation;
    this.#host = host;
    // It may have inherited this from one that somebody else judged.
    host.shut = false;
    this.#others = host.monitor;
    this.#watch();
    if (isShared) this.#follow();
  }

  get shut(): boolean {
    return this.#host.shut;
  }

  /** The same endpoint, known by another host from now on. */
  moveTo(host: Host): void {
    host.shut = this.#host.shut;
    this.#host = host;
    this.#others = host.monitor;
    this.#watch();
  }

  /** Nobody asks it any more, and what is still heard of it counts no more. */
  stop(): void {
    this.#stopped = true;
    this.#host.gate = undefined;
    if (this.#sharedAt >= 0) this.#scene.memory?.release(this.#sharedAt);
    this.#setTimer(0, undefined);
    if (this.#host.shut) this.#scene.stats.reopened();
    this.#host.shut = false;
  }

  /** Another thread may have changed its state. */
  sync(): void {
    if (this.#stopped) return;
    const { generation } = this.#circuit;
    if (generation !== this.#seen) {
      this.#seen = generation;
      this.#follow();
    } else if (!this.#host.shut && this.#isOnProbation) {
      this.#watchProbation();
    }
  }

  #follow(): void {
    const { state } = this.#circuit;
    if (state === "closed") this.#serve();
    else if (state === "open") this.#shut();
    else {
      this.#beginTerm();
      this.#watchProbation();
    }
  }

  /** Some request is, of this thread or another. */
  get #isOnProbation(): boolean {
    return this.#circuit.state === "halfOpen" && !this.#circuit.hasProbe;
  }

  /** A request of another thread is on probation, or was: then the next one may be of this one. */
  #watchProbation(): void {
    const isOnProbation = this.#isOnProbation;
    this.#setTimer(POLL_MS, isOnProbation ? this.#onPoll : undefined);
    this.#say(isOnProbation);
  }

  readonly #onPoll = (): void => {
    this.#timer = undefined;
    const nowMs = this.#scene.clock.now();
    const sinceMs = Math.max(this.#circuit.changedAt, this.#circuit.probedAt);
    if (nowMs - sinceMs > this.#probationMaxMs) this.#circuit.trip(nowMs);
    this.sync();
    if (this.#circuit.state === "halfOpen") this.#watchProbation();
  };

  admit(): Permit {
    if (this.#stopped) return 0;
    const permit = this.#circuit.acquire(this.#scene.clock.now());
    if (permit === 0) this.#turnAway();
    else if (this.#circuit.isOpen) this.#beginProbation(permit);
    else this.sync();
    return permit;
  }

  /** It comes all the same, as a session may: no term hears what becomes of it. */
  #turnAway(): void {
    this.sync();
    this.#beginTerm();
  }

  record(outcome: Outcome, permit: Permit): void {
    if (this.#stopped) return;
    const counted = outcome === "throttled" ? this.#throttled : outcome;
    this.#circuit.record(counted, this.#scene.clock.now(), permit);
    if (counted === "ignored" && permit !== 0 && permit === this.#probe) this.#giveUpProbation();
    this.sync();
  }

  onBadAnswer(headers: HeaderTable, permit: Permit): void {
    if (!this.#accrual.honorRetryAfter || this.#circuit.isLate(permit)) return;
    const { clock } = this.#scene;
    const hintMs = Math.min(retryHintMs(headers, clock.wall()), this.#accrual.maxPenaltyMs);
    if (hintMs > 0) this.#awayUntilMs = Math.max(this.#awayUntilMs, clock.now() + hintMs);
  }

  onTransition(_from: CircuitState, to: CircuitState, _at: number, brokenForMs: number): void {
    this.#seen = this.#circuit.generation;
    this.#scene.stats.changed(to, this.#scene.clock.wall(), brokenForMs);
    if (to === "open") this.#shut();
    else if (to === "closed") this.#serve();
  }

  /** To `consecutive` it is an answer like others. */
  get #throttled(): Outcome {
    return this.#accrual.successRate === undefined ? "success" : "throttled";
  }

  #shut(): void {
    const nowMs = this.#scene.clock.now();
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
    this.sync();
    if (this.#circuit.state !== "open") return;
    const leftMs = this.#circuit.openUntil - this.#scene.clock.now();
    if (leftMs > 0) this.#setTimer(leftMs, this.#onPenaltyOver);
    else this.#say(false);
  };

  /** Its term is the probe's alone: others that come all the same say nothing of it. */
  #beginProbation(permit: Permit): void {
    this.#probe = permit;
    this.#seen = this.#circuit.generation;
    this.#beginTerm();
    this.#setTimer(this.#probationMaxMs, this.#onNoAnswer);
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
    this.#circuit.trip(this.#scene.clock.now());
  };

  get #probationMaxMs(): number {
    return Math.max(PROBATION_MAX_MS, this.#accrual.maxPenaltyMs);
  }

  #watch(): void {
    this.#beginTerm();
    if (this.#sharedAt >= 0) this.#host.gate = this;
  }

  #beginTerm(): void {
    const term = new Term(this);
    this.#host.monitor = this.#others === undefined ? term : new BothMonitors(this.#others, term);
  }

  #say(shut: boolean): void {
    if (this.#host.shut === shut) return;
    this.#host.shut = shut;
    if (shut) this.#scene.stats.shut();
    else this.#scene.stats.reopened();
    this.#scene.listener.onShut();
  }

  #setTimer(delayMs: number, callback: (() => void) | undefined): void {
    this.#timer?.cancel();
    this.#timer = callback && this.#scene.clock.after(delayMs, callback);
  }

  /** Jitter fills a penalty up to the longest one, and no further. */
  #chance(): number {
    const { jitterRatio, minPenaltyMs, maxPenaltyMs } = this.#accrual;
    const penaltyMs = Math.min(minPenaltyMs * 2 ** this.#circuit.openings, maxPenaltyMs);
    return Math.min(this.#scene.random.next(), (maxPenaltyMs / penaltyMs - 1) / jitterRatio);
  }
}

/** Cells of one endpoint's circuit. */
export function circuitCellsOf(accrual: FailureAccrual): number {
  return circuitCells(circuitOptions(accrual).strategy);
}

/** What workers share of a cluster's endpoints; 0 where they are not judged. */
export function accrualCellsOf(accrual: FailureAccrual | undefined): number {
  return accrual === undefined ? 0 : accrualMemoryCells(circuitCellsOf(accrual));
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
