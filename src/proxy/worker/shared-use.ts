import type { Registry } from "../../metrics/registry.ts";
import type { Cluster } from "../../model/cluster.ts";
import { accrualCellsOf } from "../accrual/endpoint-accrual.ts";
import { sameTransport } from "../cluster/transport-choice.ts";
import { releaseAll, SharedLimits, sharedUse } from "../limits/shared-limits.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";

/** The main thread only reads: any worker's place will do. */
const ANY_SLOT = 0;
const CLUSTER_LABEL = "envoy_cluster_name";

interface ClusterUse {
  readonly cluster: Cluster;
  readonly cells: Int32Array;
}

/** The cells of a configuration that the workers are to prepare. */
export interface PreparedUse {
  /** For a worker that serves already. */
  readonly fresh: ReadonlyMap<string, Int32Array>;
  commit(): void;
}

/**
 * What the clusters have in use over all workers. A cluster whose connections begin anew begins
 * with new cells, as its workers' clusters do; else the cells stay.
 */
export class SharedUse {
  readonly #workers: number;
  readonly #registry: Registry;
  readonly #telemetry: Telemetry;
  #current: ReadonlyMap<string, ClusterUse> = new Map();

  constructor(workers: number, telemetry: Telemetry) {
    this.#workers = workers;
    this.#registry = telemetry.registry;
    this.#telemetry = telemetry;
  }

  /** For a worker that knows nothing yet. */
  get all(): ReadonlyMap<string, Int32Array> {
    return new Map([...this.#current].map(([name, { cells }]) => [name, cells]));
  }

  prepare(clusters: readonly Cluster[]): PreparedUse {
    const fresh = new Map<string, Int32Array>();
    const next = new Map<string, ClusterUse>();
    for (const cluster of clusters) {
      const old = this.#current.get(cluster.name);
      const stays = old !== undefined && sameTransport(old.cluster, cluster);
      const more = accrualCellsOf(cluster.failureAccrual);
      const cells = stays ? old.cells : sharedUse(this.#workers, more);
      if (!stays) fresh.set(cluster.name, cells);
      next.set(cluster.name, { cluster, cells });
    }
    return { fresh, commit: () => this.#commit(next) };
  }

  /** A worker is no more. */
  end(slot: number): void {
    for (const { cells } of this.#current.values()) releaseAll(cells, slot);
  }

  /** The gauges of limits are this thread's: workers are never asked for them. */
  #commit(next: ReadonlyMap<string, ClusterUse>): void {
    const statNames = new Set<string>();
    for (const { cluster, cells } of next.values()) {
      statNames.add(statNameOf(cluster));
      const view = new SharedLimits(cluster.thresholds, cells, ANY_SLOT);
      const { trackRemaining } = cluster.thresholds;
      this.#telemetry.cluster(statNameOf(cluster)).watchLimits(view, trackRemaining);
    }
    for (const { cluster } of this.#current.values()) {
      const name = statNameOf(cluster);
      if (!statNames.has(name)) this.#forget(name);
    }
    this.#current = next;
  }

  #forget(statName: string): void {
    this.#telemetry.removeCluster(statName);
    for (const table of this.#registry.tables) table.removeAbandoned(CLUSTER_LABEL, statName);
  }
}

function statNameOf({ name, statName }: Cluster): string {
  return statName === "" ? name : statName;
}
