// hot path: no allocation per request

/** Cells of one count: of all workers, and then of each of them. */
const ALL = 0;

/** Faults that connection managers of one `stat_prefix` inject at this moment, over all workers. */
export function activeFaultCells(workers: number): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer((1 + workers) * Int32Array.BYTES_PER_ELEMENT));
}

/** Gives back what a worker had when it ended. Only once it runs no more. */
export function endFaults(cells: Int32Array, worker: number): void {
  Atomics.sub(cells, ALL, Atomics.exchange(cells, 1 + worker, 0));
}

/**
 * How many requests have a fault now, as one worker sees it. As in Envoy nobody compares and swaps:
 * for a moment there may be one more than allowed for each worker.
 */
export class ActiveFaults {
  readonly #cells: Int32Array;
  readonly #own: number;

  /** `worker`: from 0, below the number that `activeFaultCells` was given. */
  constructor(cells: Int32Array, worker: number) {
    this.#cells = cells;
    this.#own = 1 + worker;
  }

  /** False where there are so many already; else answered by one `release`. */
  take(max: number | undefined): boolean {
    if (max !== undefined && Atomics.load(this.#cells, ALL) >= max) return false;
    this.#add(1);
    return true;
  }

  release(): void {
    this.#add(-1);
  }

  #add(amount: number): void {
    Atomics.add(this.#cells, this.#own, amount);
    Atomics.add(this.#cells, ALL, amount);
  }
}
