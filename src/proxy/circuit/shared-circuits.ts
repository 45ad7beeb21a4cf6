import type { Clock } from "../../base/clock.ts";
import type { CircuitState } from "../../breaker/breaker.ts";
import type { CircuitListener } from "../../breaker/circuit/options.ts";
import type { Registry } from "../../metrics/registry.ts";
import type { ProxyConfig } from "../../model/bootstrap.ts";
import type { CircuitBreaker } from "../../model/resilience/circuit-breaker.ts";
import { type CircuitMemory, circuitMemory, goesOn } from "./circuit-memory.ts";
import { type CircuitPlace, circuitsOf } from "./circuit-place.ts";
import { type CircuitRow, circuitRow } from "./circuit-row.ts";
import { CircuitGauges, CircuitStats } from "./circuit-stats.ts";
import type { CircuitTables } from "./circuit-tables.ts";
import type { NotedChange } from "./history.ts";
import type { CircuitNews, MeshCircuitKey, MeshCircuits } from "./mesh/mesh-circuits.ts";
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
export class SharedCircuits implements MeshCircuits {
  readonly #clock: Clock;
  readonly #workers: number;
  readonly #tables: CircuitTables;
  #current: ReadonlyMap<string, Watched> = new Map();
  /** By key: how many changes have been told to the mesh. */
  readonly #told = new Map<string, number>();

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

  get any(): boolean {
    for (const { policy } of this.#current.values()) if (policy.scope === "mesh") return true;
    return false;
  }

  news(): readonly CircuitNews[] {
    return this.#ofMesh().flatMap((one) => this.#newsOf(one));
  }

  openByItself(): readonly CircuitNews[] {
    return this.#ofMesh()
      .filter(({ circuit }) => circuit.state === "open")
      .filter(({ circuit }) => circuit.history.read().at(-1)?.told === false)
      .map((one) => newsOf(one, "open"));
  }

  openFor(key: MeshCircuitKey, remainingMs: number): void {
    const now = this.#clock.now();
    for (const { circuit, policy } of this.#named(key)) {
      const leftMs = Math.min(policy.sleepMs, remainingMs);
      // As if it had opened when the other one did.
      circuit.trip(now - (policy.sleepMs - leftMs));
      // It may have been open, and be about to try what the other one has tried in vain.
      circuit.sleepUntil(now + leftMs);
    }
  }

  close(key: MeshCircuitKey): void {
    for (const { circuit } of this.#named(key)) circuit.close(this.#clock.now());
  }

  #ofMesh(): readonly Watched[] {
    return [...this.#current.values()].filter(({ policy }) => policy.scope === "mesh");
  }

  #named({ circuit, place }: MeshCircuitKey): readonly Watched[] {
    return this.#ofMesh().filter(
      (one) => one.policy.name === circuit && placeOf(one.place) === place,
    );
  }

  #newsOf(one: Watched): readonly CircuitNews[] {
    const { circuit, place } = one;
    const told = this.#told.get(place.key) ?? 0;
    if (circuit.history.count === told) return [];
    const changes = circuit.history.read().filter(({ number }) => number > told);
    this.#told.set(place.key, changes.at(-1)?.number ?? told);
    return changes.flatMap((change) => {
      const state = newStateOf(change);
      return state === undefined ? [] : [newsOf(one, state)];
    });
  }

  #commit(next: ReadonlyMap<string, Kept>): void {
    const watched = new Map<string, Watched>();
    for (const [key, kept] of next) watched.set(key, this.#watch(kept, this.#current.get(key)));
    for (const [key, before] of this.#current) {
      if (watched.get(key)?.gauges === before.gauges) continue;
      before.gauges.remove();
      before.stats.remove();
    }
    for (const key of this.#told.keys()) {
      if (watched.get(key)?.memory !== this.#current.get(key)?.memory) this.#told.delete(key);
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
    for (const { gauges } of this.#current.values()) gauges.clear();
    for (const { circuit, gauges } of this.#current.values()) {
      const since = (to: CircuitState): number => {
        const at = circuit.changedTo(to);
        return at === 0 ? 0 : at + offsetMs;
      };
      gauges.show(circuit.state, circuit.calls, since);
    }
  }
}

function placeOf({ cluster, route }: CircuitPlace): string {
  return cluster === "" ? route : cluster;
}

function newsOf({ place, policy }: Watched, state: CircuitNews["state"]): CircuitNews {
  return { circuit: policy.name, place: placeOf(place), state };
}

/** What others shall do; what they have told us they know. */
function newStateOf({ to, told }: NotedChange): CircuitNews["state"] | undefined {
  return told || to === "halfOpen" ? undefined : to;
}

function watching(
  policy: CircuitBreaker,
  memory: CircuitMemory,
  listener: CircuitListener,
): SharedCircuit {
  return new SharedCircuit(policy, memory, NO_WORKER, listener);
}
