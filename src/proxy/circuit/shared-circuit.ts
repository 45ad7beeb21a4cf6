// hot path: no allocation per request
import type { CircuitState, Outcome, Permit } from "../../breaker/breaker.ts";
import { type Cells, SharedCells, TIME_CELLS } from "../../breaker/circuit/cells.ts";
import { Circuit } from "../../breaker/circuit/circuit.ts";
import { STRATEGY } from "../../breaker/circuit/circuit-cells.ts";
import type { CircuitListener } from "../../breaker/circuit/options.ts";
import { OutcomeWindow } from "../../breaker/strategy/outcome-window.ts";
import type { CircuitBreaker } from "../../model/resilience/circuit-breaker.ts";
import {
  CALLS,
  type CircuitMemory,
  FALLBACKS,
  layoutOf,
  PROBE_PERMIT,
  PROBES,
  strategyOf,
  USE_CELLS,
} from "./circuit-memory.ts";
import { History } from "./history.ts";

/** A probe may take as long as Envoy gives a request by default. */
const PROBE_MS = 15_000;

/** Who is no worker, and looks on. */
export const NO_WORKER = -1;

/** One circuit of a proxy as one of its threads has it; all of them see the same. */
export class SharedCircuit implements CircuitListener {
  readonly history: History;
  readonly #breaker: Circuit;
  readonly #cells: Cells;
  readonly #window: OutcomeWindow | undefined;
  readonly #strategy: number;
  readonly #listener: CircuitListener;
  readonly #all: number;
  readonly #own: number;
  #told = false;

  /** `worker`: from 0, or `NO_WORKER`. */
  constructor(
    policy: CircuitBreaker,
    memory: CircuitMemory,
    worker: number,
    listener: CircuitListener,
  ) {
    const layout = layoutOf(policy);
    const { errors, open, probes, sleepMs, window } = policy;
    this.#cells = new SharedCells(memory);
    this.#strategy = layout.breaker + STRATEGY;
    this.#listener = listener;
    this.history = new History(this.#cells, layout.history);
    this.#all = layout.use;
    this.#own = layout.use + (1 + worker) * USE_CELLS;
    this.#window =
      open.kind === "consecutiveErrors"
        ? undefined
        : new OutcomeWindow(this.#cells, this.#strategy + TIME_CELLS, window);
    const options = {
      strategy: strategyOf(policy),
      ...{ sleepMs, probes, backoff: undefined, ignoredProbe: "another" as const },
      probeTimeoutMs: Math.max(sleepMs, errors.slowerThanMs ?? PROBE_MS),
    };
    // Sleep does not grow here: nothing is left to chance.
    this.#breaker = new Circuit(this.#cells, layout.breaker, options, this, () => 0);
  }

  get state(): CircuitState {
    return this.#breaker.state;
  }

  get changedAt(): number {
    return this.#breaker.changedAt;
  }

  /** When it last changed to a state; 0: never. */
  changedTo(state: CircuitState): number {
    return this.#breaker.changedTo(state);
  }

  /** When calls are tried again, where it is open. */
  get openUntil(): number {
    return this.#breaker.openUntil;
  }

  /** Calls of the window; -1 where it has none. */
  total(now: number): number {
    return this.#window?.total(now) ?? -1;
  }

  /** Failed calls of the window; without one, in a row. */
  failed(now: number): number {
    return this.#window?.failed(now) ?? this.#cells.load(this.#strategy);
  }

  /** Asks for one call; 0: refused. Every permit is answered by one `record`. */
  acquire(now: number): Permit {
    const permit = this.#breaker.acquire(now);
    if (permit !== 0 && this.#breaker.state === "halfOpen") this.#noteProbe(permit);
    return permit;
  }

  record(outcome: Outcome, now: number, permit: Permit): void {
    this.#forgetProbe(permit);
    this.#breaker.record(outcome, now, permit);
  }

  /** Another proxy has found a reason to open it. */
  trip(now: number): void {
    this.#told = true;
    this.#breaker.trip(now);
    this.#told = false;
  }

  /** An open one sleeps until then at least. */
  sleepUntil(time: number): void {
    this.#breaker.sleepUntil(time);
  }

  /** Another proxy's probes have gone well. */
  close(now: number): void {
    this.#told = true;
    this.#breaker.close(now);
    this.#told = false;
  }

  get calls(): number {
    return this.#cells.load(this.#all + CALLS);
  }

  takeCall(max: number): boolean {
    return this.#take(CALLS, max);
  }

  releaseCall(): void {
    this.#release(CALLS);
  }

  takeFallback(max: number): boolean {
    return this.#take(FALLBACKS, max);
  }

  releaseFallback(): void {
    this.#release(FALLBACKS);
  }

  /** Gives back what a worker had when it ended. Only once it runs no more. */
  releaseAll(worker: number, now: number): void {
    const own = this.#all + (1 + worker) * USE_CELLS;
    const cells = this.#cells;
    cells.add(this.#all + CALLS, -cells.exchange(own + CALLS, 0));
    cells.add(this.#all + FALLBACKS, -cells.exchange(own + FALLBACKS, 0));
    const permit = cells.load(own + PROBE_PERMIT);
    const probes = cells.exchange(own + PROBES, 0);
    for (let i = 0; i < probes; i++) this.#breaker.record("ignored", now, permit);
  }

  onTransition(from: CircuitState, to: CircuitState, at: number, brokenForMs: number): void {
    const total = Math.max(0, this.total(at));
    this.history.note(from, to, at, this.#told, total, this.failed(at));
    this.#listener.onTransition(from, to, at, brokenForMs);
  }

  /** As `SharedLimits` has it: a worker's own share is written first, and last given back. */
  #take(what: number, max: number): boolean {
    const cells = this.#cells;
    const all = this.#all + what;
    let seen = cells.load(all);
    if (seen >= max) return false;
    cells.add(this.#own + what, 1);
    while (!cells.replace(all, seen, seen + 1)) {
      seen = cells.load(all);
      if (seen < max) continue;
      cells.add(this.#own + what, -1);
      return false;
    }
    return true;
  }

  #release(what: number): void {
    this.#cells.add(this.#all + what, -1);
    this.#cells.add(this.#own + what, -1);
  }

  /** Probes of an earlier permit are no longer waited for. */
  #noteProbe(permit: Permit): void {
    const cells = this.#cells;
    const same = cells.load(this.#own + PROBE_PERMIT) === permit;
    if (!same) cells.store(this.#own + PROBE_PERMIT, permit);
    cells.store(this.#own + PROBES, same ? cells.load(this.#own + PROBES) + 1 : 1);
  }

  #forgetProbe(permit: Permit): void {
    const cells = this.#cells;
    if (cells.load(this.#own + PROBES) === 0) return;
    if (cells.load(this.#own + PROBE_PERMIT) !== permit) return;
    cells.add(this.#own + PROBES, -1);
  }
}
