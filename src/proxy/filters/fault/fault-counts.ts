import type { ProxyConfig } from "../../../model/bootstrap.ts";
import type { HttpConnectionManager, Listener } from "../../../model/listener.ts";
import { ActiveFaults, activeFaultCells, endFaults } from "./active-faults.ts";

/** Cells of active faults, by the connection managers' `stat_prefix`. */
export type FaultCells = ReadonlyMap<string, Int32Array>;

/** Counts of active faults as one thread has them, by `stat_prefix`: one for each, for ever. */
export class FaultCounts {
  readonly #counts = new Map<string, ActiveFaults>();

  /** What other threads count into as well. `worker`: the place of this one in the cells. */
  learn(cells: FaultCells, worker: number): void {
    for (const [prefix, one] of cells) {
      if (!this.#counts.has(prefix)) this.#counts.set(prefix, new ActiveFaults(one, worker));
    }
  }

  of(statPrefix: string): ActiveFaults {
    let count = this.#counts.get(statPrefix);
    if (count === undefined) {
      count = new ActiveFaults(activeFaultCells(1), 0);
      this.#counts.set(statPrefix, count);
    }
    return count;
  }
}

/** The cells that the workers of a proxy share; those of a `stat_prefix` stay what they are. */
export class SharedFaults {
  readonly #workers: number;
  readonly #cells = new Map<string, Int32Array>();

  constructor(workers: number) {
    this.#workers = workers;
  }

  /** With cells for every fault filter of this configuration. */
  cellsFor({ listeners }: Pick<ProxyConfig, "listeners">): FaultCells {
    for (const { statPrefix } of listeners.flatMap(managersWithFaults)) {
      if (!this.#cells.has(statPrefix)) {
        this.#cells.set(statPrefix, activeFaultCells(this.#workers));
      }
    }
    return this.#cells;
  }

  /** A worker is no more. */
  end(worker: number): void {
    for (const cells of this.#cells.values()) endFaults(cells, worker);
  }
}

function managersWithFaults({
  defaultFilterChain,
  filterChains,
}: Listener): readonly HttpConnectionManager[] {
  const chains = defaultFilterChain === undefined ? [] : [defaultFilterChain];
  return [...filterChains, ...chains].flatMap(({ filter }) => {
    if (filter.kind === "tcp") return [];
    return filter.httpFilters.some(({ kind }) => kind === "fault") ? [filter] : [];
  });
}
