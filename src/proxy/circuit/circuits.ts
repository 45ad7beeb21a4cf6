import type { ProxyConfig } from "../../model/bootstrap.ts";
import type { Cluster } from "../../model/cluster.ts";
import type { CircuitBreaker } from "../../model/resilience/circuit-breaker.ts";
import type { Route } from "../../model/route.ts";
import type { ClusterSlot } from "../cluster/cluster-slot.ts";
import type { CircuitMemory } from "./circuit-memory.ts";
import { type CircuitPlace, circuitsOf } from "./circuit-place.ts";
import { CircuitStats } from "./circuit-stats.ts";
import type { CircuitTables } from "./circuit-tables.ts";
import { CompiledCircuit } from "./compiled-circuit.ts";
import type { CompiledFallback } from "./fallback.ts";
import { KeptBytes, LastGoodStore } from "./last-good/last-good-store.ts";
import { SharedCircuit } from "./shared-circuit.ts";
import type { CircuitMemories } from "./shared-circuits.ts";

export interface CircuitsOptions {
  readonly tables: CircuitTables;
  readonly slotOf: (cluster: string) => ClusterSlot;
}

interface Known {
  readonly text: string;
  readonly memory: CircuitMemory;
  readonly compiled: CompiledCircuit;
}

/** The circuits of one thread: one for each place, whatever changes around it. */
export class Circuits {
  readonly kept: KeptBytes = new KeptBytes();
  readonly #options: CircuitsOptions;
  readonly #byGuarded = new WeakMap<Cluster | Route, CompiledCircuit>();
  #served: ReadonlyMap<string, Known> = new Map();
  #prepared: ReadonlyMap<string, Known> = new Map();

  constructor(options: CircuitsOptions) {
    this.#options = options;
  }

  /** Makes those of a configuration, before it is compiled. `worker`: this thread's place. */
  learn(config: ProxyConfig, memories: CircuitMemories, worker: number): void {
    const prepared = new Map<string, Known>();
    for (const { guarded, place, policy } of circuitsOf(config)) {
      const memory = memories.get(place.key);
      if (memory === undefined) throw new Error(`circuit ${place.key} has no shared memory`);
      const known = this.#knownOf(place, policy, memory, worker);
      prepared.set(place.key, known);
      for (const one of guarded) this.#byGuarded.set(one, known.compiled);
    }
    this.#forget(this.#prepared, this.#served);
    this.#prepared = prepared;
  }

  /** The circuit of a cluster or route; undefined: none. */
  of(guarded: Cluster | Route): CompiledCircuit | undefined {
    return guarded.circuit === undefined ? undefined : this.#byGuarded.get(guarded);
  }

  /** What was learned last is served from now on. */
  commit(): void {
    this.#forget(this.#served, this.#prepared);
    this.#served = this.#prepared;
  }

  /** What only those have, and not these. */
  #forget(those: ReadonlyMap<string, Known>, these: ReadonlyMap<string, Known>): void {
    for (const [key, { compiled }] of those) {
      const other = these.get(key)?.compiled;
      if (other === compiled) continue;
      if (other?.stats !== compiled.stats) compiled.stats.remove();
      const store = storeOf(compiled);
      if (store !== undefined && storeOf(other) !== store) store.close();
    }
  }

  #knownOf(
    place: CircuitPlace,
    policy: CircuitBreaker,
    memory: CircuitMemory,
    worker: number,
  ): Known {
    const before = this.#served.get(place.key);
    const text = JSON.stringify(policy);
    const same = before?.text === text && before.memory.buffer === memory.buffer;
    if (before !== undefined && same) return before;
    const stats = this.#statsOf(place, policy, before?.compiled);
    const circuit = new SharedCircuit(policy, memory, worker, stats);
    const fallback = this.#fallbackOf(policy, before?.compiled);
    return { text, memory, compiled: new CompiledCircuit(policy, circuit, stats, fallback) };
  }

  #statsOf(
    { cluster, route }: CircuitPlace,
    { name }: CircuitBreaker,
    before: CompiledCircuit | undefined,
  ): CircuitStats {
    if (before?.policy.name === name) return before.stats;
    return new CircuitStats(this.#options.tables, [name, cluster, route]);
  }

  #fallbackOf(
    { fallback }: CircuitBreaker,
    before: CompiledCircuit | undefined,
  ): CompiledFallback | undefined {
    switch (fallback?.kind) {
      case undefined:
        return undefined;
      case "static":
        return { kind: "static", said: fallback, body: Buffer.from(fallback.body) };
      case "cluster":
        return { kind: "cluster", slot: this.#options.slotOf(fallback.cluster) };
      case "lastGood": {
        const { maxAgeMs, maxBytes } = fallback;
        const store = storeOf(before) ?? new LastGoodStore(maxAgeMs, maxBytes, this.kept);
        store.resize(maxAgeMs, maxBytes);
        return { kind: "lastGood", store };
      }
    }
  }
}

function storeOf(compiled: CompiledCircuit | undefined): LastGoodStore | undefined {
  const fallback = compiled?.fallback;
  return fallback?.kind === "lastGood" ? fallback.store : undefined;
}
