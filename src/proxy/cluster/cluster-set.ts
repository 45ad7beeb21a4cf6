import type { Cluster } from "../../model/cluster.ts";
import type { ClusterLoadAssignment } from "../../model/endpoint.ts";
import type { CompiledCircuit } from "../circuit/compiled-circuit.ts";
import { ClusterSlot } from "./cluster-slot.ts";
import { type ProxyContext, UpstreamCluster } from "./upstream-cluster.ts";

/** The circuit that stands before a cluster, if there is one. */
export type CircuitOf = (cluster: Cluster) => CompiledCircuit | undefined;

/** All clusters of a proxy, by name. */
export class ClusterSet {
  readonly #context: ProxyContext;
  readonly #circuitOf: CircuitOf;
  readonly #slots = new Map<string, ClusterSlot>();
  #drained = false;

  constructor(context: ProxyContext, circuitOf: CircuitOf = () => undefined) {
    this.#context = context;
    this.#circuitOf = circuitOf;
  }

  /** Where a cluster of this name is or will be. */
  slot(name: string): ClusterSlot {
    let slot = this.#slots.get(name);
    if (slot === undefined) {
      slot = new ClusterSlot(name);
      this.#slots.set(name, slot);
    }
    return slot;
  }

  get clusters(): readonly UpstreamCluster[] {
    return [...this.#slots.values()].flatMap(({ cluster }) => cluster ?? []);
  }

  /**
   * Makes ready for these clusters, a piece at a time. What comes back swaps them in at once: pools
   * of unchanged ones live on, the others drain.
   */
  *prepare(
    clusters: readonly Cluster[],
    assignments: readonly ClusterLoadAssignment[],
  ): Generator<void, () => void> {
    const wanted = new Map(clusters.map((cluster) => [cluster.name, cluster]));
    const endpoints = new Map(assignments.map((each) => [each.clusterName, each]));
    const swaps: (() => void)[] = [];
    const made: UpstreamCluster[] = [];
    let complete = false;
    try {
      for (const config of wanted.values()) {
        const edsName = config.edsServiceName === "" ? config.name : config.edsServiceName;
        const assignment = config.discovery === "eds" ? endpoints.get(edsName) : undefined;
        swaps.push(yield* this.#prepareOne(config, assignment, made));
      }
      complete = true;
    } finally {
      if (!complete) this.#forgetStats(made);
    }
    return () => this.#swap(wanted, swaps, made);
  }

  /** For ever: what is prepared later serves no more. */
  drain(): void {
    this.#drained = true;
    for (const cluster of this.clusters) {
      cluster.drain();
      cluster.waiting?.close();
    }
  }

  #swap(
    wanted: ReadonlyMap<string, Cluster>,
    swaps: readonly (() => void)[],
    made: readonly UpstreamCluster[],
  ): void {
    if (this.#drained) {
      this.#forgetStats(made);
      return;
    }
    const before = this.clusters;
    for (const slot of this.#slots.values()) {
      const gone = slot.cluster;
      if (gone === undefined || wanted.has(slot.name)) continue;
      gone.drain();
      slot.cluster = undefined;
      slot.circuit = undefined;
      gone.waiting?.close();
    }
    for (const swap of swaps) swap();
    this.#forgetStats(before);
  }

  *#prepareOne(
    config: Cluster,
    discovered: ClusterLoadAssignment | undefined,
    made: UpstreamCluster[],
  ): Generator<void, () => void> {
    const slot = this.slot(config.name);
    const old = slot.cluster;
    const next = old?.canBecome(config) === true ? old : new UpstreamCluster(config, this.#context);
    if (next !== old) made.push(next);
    yield;
    const assignment = discovered ?? next.assignmentIn(config) ?? next.resolvedBy(old);
    const swapEndpoints =
      assignment === undefined ? undefined : yield* next.prepare(assignment, config);
    return () => {
      if (next === old) next.update(config);
      else {
        old?.drain();
        next.begin();
      }
      slot.cluster = next;
      slot.circuit = this.#circuitOf(config);
      swapEndpoints?.();
      if (next !== old) old?.waiting?.close();
    };
  }

  /** Of those that no cluster counts in, by their names, which clusters may share. */
  #forgetStats(clusters: readonly UpstreamCluster[]): void {
    const counting = new Set(this.clusters.map(({ stats }) => stats.name));
    const abandoned = new Set(clusters.map(({ stats }) => stats.name));
    for (const name of abandoned) {
      if (!counting.has(name)) this.#context.telemetry.removeCluster(name);
    }
  }
}
