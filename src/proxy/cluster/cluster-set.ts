import type { Cluster } from "../../model/cluster.ts";
import type { ClusterLoadAssignment } from "../../model/endpoint.ts";
import { ClusterSlot } from "./cluster-slot.ts";
import { type ProxyContext, UpstreamCluster } from "./upstream-cluster.ts";

/** All clusters of a proxy, by name. */
export class ClusterSet {
  readonly #context: ProxyContext;
  readonly #slots = new Map<string, ClusterSlot>();

  constructor(context: ProxyContext) {
    this.#context = context;
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

  /** The clusters are now these. Pools of unchanged ones live on; the others drain. */
  apply(clusters: readonly Cluster[], assignments: readonly ClusterLoadAssignment[]): void {
    const wanted = new Map(clusters.map((cluster) => [cluster.name, cluster]));
    for (const slot of this.#slots.values()) {
      if (slot.cluster === undefined || wanted.has(slot.name)) continue;
      this.#remove(slot.cluster, wanted);
      slot.cluster = undefined;
    }
    for (const config of wanted.values()) this.#applyOne(config);
    const endpoints = new Map(assignments.map((each) => [each.clusterName, each]));
    for (const { cluster } of this.#slots.values()) {
      if (cluster === undefined || cluster.config.discovery !== "eds") continue;
      const { edsServiceName, name } = cluster.config;
      const assignment = endpoints.get(edsServiceName === "" ? name : edsServiceName);
      if (assignment !== undefined) cluster.setEndpoints(assignment);
    }
  }

  drain(): void {
    for (const cluster of this.clusters) cluster.drain();
  }

  #applyOne(config: Cluster): void {
    const slot = this.slot(config.name);
    if (slot.cluster?.update(config) === true) return;
    slot.cluster?.drain();
    slot.cluster = new UpstreamCluster(config, this.#context);
  }

  #remove(cluster: UpstreamCluster, wanted: ReadonlyMap<string, Cluster>): void {
    cluster.drain();
    const name = cluster.stats.name;
    const shared = [...wanted.values()].some((each) => (each.statName || each.name) === name);
    if (!shared) this.#context.telemetry.removeCluster(name);
  }
}
