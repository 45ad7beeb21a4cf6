// hot path: no allocation per request

/**
 * What requests count of one host, in cells that several threads may share. Places of the cells:
 * failures in a row, then for each origin of errors all requests of this interval and those of
 * them that succeeded.
 */
const ROW_5XX = 0;
const ROW_GATEWAY = 1;
const ROW_LOCAL_ORIGIN = 2;
const EXTERNAL = 3;
const LOCAL_ORIGIN = 5;
const CELLS = 7;

/** Enough for so many hosts. `shared`: for several threads. */
export function recordCells(hosts: number, shared: boolean): Uint32Array {
  const bytes = hosts * CELLS * Uint32Array.BYTES_PER_ELEMENT;
  return new Uint32Array(shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes));
}

/** Failures in a row that are counted apart from each other. */
export type InARow = "5xx" | "gateway" | "localOrigin";

/** Whose errors a rate is of: of answers (and, unless split, of everything), or of our own. */
export type ErrorOrigin = "external" | "localOrigin";

const ROWS: Readonly<Record<InARow, number>> = {
  "5xx": ROW_5XX,
  gateway: ROW_GATEWAY,
  localOrigin: ROW_LOCAL_ORIGIN,
};

/** Requests of an interval. */
export interface IntervalCounts {
  readonly total: number;
  readonly succeeded: number;
}

/** The cells of one host. */
export class HostRecord {
  readonly #cells: Uint32Array;
  readonly #at: number;

  /** `host`: its place among those that the cells are for. */
  constructor(cells: Uint32Array, host: number) {
    this.#cells = cells;
    this.#at = host * CELLS;
  }

  /** One more failure; how many these are in a row. */
  fail(row: InARow): number {
    return Atomics.add(this.#cells, this.#at + ROWS[row], 1) + 1;
  }

  clear(row: InARow): void {
    const cell = this.#at + ROWS[row];
    // Mostly it is: what all threads write to, all threads wait for.
    if (Atomics.load(this.#cells, cell) !== 0) Atomics.store(this.#cells, cell, 0);
  }

  count(origin: ErrorOrigin, succeeded: boolean): void {
    const cell = this.#at + (origin === "external" ? EXTERNAL : LOCAL_ORIGIN);
    Atomics.add(this.#cells, cell, 1);
    if (succeeded) Atomics.add(this.#cells, cell + 1, 1);
  }

  /** The interval is over: what it brought; the next one begins. */
  takeInterval(origin: ErrorOrigin): IntervalCounts {
    const cell = this.#at + (origin === "external" ? EXTERNAL : LOCAL_ORIGIN);
    // Successes are counted second, so they are taken first: never more than there were requests.
    const succeeded = Atomics.exchange(this.#cells, cell + 1, 0);
    return { total: Atomics.exchange(this.#cells, cell, 0), succeeded };
  }
}
