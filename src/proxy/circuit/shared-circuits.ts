import type { Clock } from "../../base/clock.ts";
import type { CircuitState } from "../../breaker/breaker.ts";
import type { CircuitListener } from "../../breaker/circuit/options.ts";
import type { Registry } from "../../metrics/registry.ts";
import type { ProxyConfig } from "../../model/bootstrap.ts";
import type { CircuitBreaker } from "../../model/resilience/circuit-breaker.ts";
import { type CircuitMemory, circuitMemory, goesOn } from "./circuit-memory.ts";
import { type CircuitPlace, circuitsOf } from "./circuit-place.ts";
import { type CircuitRow, circuitRow } from "./circuit-row.ts";
import { CircuitGauges, CircuitStats, type CircuitTables } from "./circuit-stats.ts";
import { NO_WORKER, SharedCircuit } from "./shared-circuit.ts";

/** Where circuits are counted, and the scrapes that show them. */
interface CircuitTelemetry {
  readonly circuits: CircuitTables;
  readonly registry: Registry;
}

/** The memory of all circuits, by the keys of their places. */
export type CircuitMemories = ReadonlyMap<string, CircuitMemory>;

/** Circuits of a configuration that is prepared; they are kept once it is committed. */
export interface PreparedCircuits {
  readonly memories: CircuitMemories;
  commit(): void;
}

interface Kept {
  readonly place: CircuitPlace;
  readonly policy: CircuitBreaker;
  readonly memory: CircuitMemory;
}

interface Watched extends Kept {
  readonly circuit: SharedCircuit;
  readonly gauges: CircuitGauges;
  readonly stats: CircuitStats;
}

/**
 * The circuits of a proxy over all its threads, on the one that answers for it. A circuit whose
 * name and thresholds stay goes on from one configuration to the next in the state that it is in.
 */
export class SharedCircuits {
  readonly #clock: Clock;
  readonly #workers: number;
  readonly #tables: CircuitTables;
  #current: ReadonlyMap<string, Watched> = new Map();

  constructor(clock: Clock, workers: number, { circuits, registry }: CircuitTelemetry) {
    this.#clock = clock;
    this.#workers = workers;
    this.#tables = circuits;
    registry.onCollect(() => this.#collect());
  }

  /** For a worker that knows nothing yet. */
  get memories(): CircuitMemories {
    return new Map([...this.#current].map(([key, { memory }]) => [key, memory]));
  }

  prepare(config: ProxyConfig): PreparedCircuits {
    const next = new Map<string, Kept>();
    for (const { place, policy } of circuitsOf(config)) {
      const before = this.#current.get(place.key);
      const stays = before !== undefined && goesOn(before.policy, policy);
      const memory = stays ? before.memory : circuitMemory(policy, this.#workers);
      next.set(place.key, { place, policy, memory });
    }
    const memories = new Map([...next].map(([key, { memory }]) => [key, memory]));
    return { memories, commit: () => this.#commit(next) };
  }

  /** A worker is no more. */
  end(worker: number): void {
    const now = this.#clock.now();
    for (const { circuit } of this.#current.values()) circuit.releaseAll(worker, now);
  }

  /** All circuits as they are now. */
  rows(): CircuitRow[] {
    return [...this.#current.values()].map((one) => circuitRow(one, this.#clock));
  }

  /** What this thread decides for all: another proxy has found out. False: there is none such. */
  tell(name: string, place: string, state: "open" | "closed"): boolean {
    const now = this.#clock.now();
    let found = false;
    for (const { circuit, place: own, policy } of this.#current.values()) {
      if (policy.name !== name || (own.cluster !== place && own.route !== place)) continue;
      found = true;
      if (state === "open") circuit.trip(now);
      else circuit.close(now);
    }
    return found;
  }

  #commit(next: ReadonlyMap<string, Kept>): void {
    const watched = new Map<string, Watched>();
    for (const [key, kept] of next) watched.set(key, this.#watch(kept, this.#current.get(key)));
    for (const [key, before] of this.#current) {
      if (watched.get(key)?.gauges === before.gauges) continue;
      before.gauges.remove();
      before.stats.remove();
    }
    this.#current = watched;
  }

  #watch(kept: Kept, before: Watched | undefined): Watched {
    const { memory, place, policy } = kept;
    const same = before !== undefined && before.policy.name === policy.name;
    const labels = [policy.name, place.cluster, place.route] as const;
    const gauges = same ? before.gauges : new CircuitGauges(this.#tables, labels);
    const stats = same ? before.stats : new CircuitStats(this.#tables, labels);
    return { ...kept, gauges, stats, circuit: watching(policy, memory, stats) };
  }

  #collect(): void {
    const offsetMs = this.#clock.wall() - this.#clock.now();
    for (const { circuit, gauges } of this.#current.values()) {
      const since = (to: CircuitState): number => {
        const at = circuit.changedTo(to);
        return at === 0 ? 0 : at + offsetMs;
      };
      gauges.show(circuit.state, circuit.calls, since);
    }
  }
}

function watching(
  policy: CircuitBreaker,
  memory: CircuitMemory,
  listener: CircuitListener,
): SharedCircuit {
  return new SharedCircuit(policy, memory, NO_WORKER, listener);
}
