/** A pool that has no connection, and was refused one. */
export interface ConnectionWaiter {
  /** It may ask again. */
  onConnectionLeft(): void;
}

/** Where in the shared cells the queue finds what it watches. */
export interface QueueCells {
  readonly use: Int32Array;
  /** Connections in use, over all workers. */
  readonly connections: number;
  /** Pools that wait, over all workers, and in this one. */
  readonly waiting: number;
  readonly ownWaiting: number;
  /** Grows with each pool that begins to wait. */
  readonly calls: number;
}

/**
 * How a connection that the threshold allows goes round between workers. A pool without one waits
 * here, and calls: who has an idle connection closes it, who has a busy one closes it after the
 * request. Whoever is woken by that asks again, and who has just given one up asks after it.
 *
 * Threads wake each other through the cells (`Atomics.waitAsync`); nothing runs while nobody waits.
 */
export class ConnectionQueue {
  readonly #cells: QueueCells;
  /** True while one more connection is allowed. */
  readonly #isLeft: () => boolean;
  readonly #waiters = new Set<ConnectionWaiter>();
  #onCall: (() => void) | undefined;
  #watching = false;
  #listening = false;
  /** This worker's turn to ask has come. */
  #served = false;

  constructor(cells: QueueCells, isLeft: () => boolean) {
    this.#cells = cells;
    this.#isLeft = isLeft;
  }

  /** False where those that wait come first. */
  get mayAsk(): boolean {
    return this.#served || !this.called;
  }

  /** True while any pool of any worker waits. */
  get called(): boolean {
    return Atomics.load(this.#cells.use, this.#cells.waiting) > 0;
  }

  /** Waits, if it does not yet, and calls. */
  add(waiter: ConnectionWaiter): void {
    if (this.#waiters.has(waiter)) return;
    const { use, calls } = this.#cells;
    this.#waiters.add(waiter);
    this.#count(1);
    this.#watch();
    Atomics.add(use, calls, 1);
    Atomics.notify(use, calls);
    // Whoever gave one up may have done so before this thread watched.
    if (this.#isLeft() && !this.#othersWait) this.notify();
  }

  /** A connection has become free: those that wait ask again. */
  notify(): void {
    Atomics.notify(this.#cells.use, this.#cells.connections);
  }

  /** From now on this worker gives connections up when it is called. */
  listen(onCall: () => void): void {
    this.#onCall = onCall;
    if (!this.#listening) this.#hear();
  }

  /** It has none to give up any more, and hears no calls. */
  close(): void {
    this.#onCall = undefined;
    Atomics.notify(this.#cells.use, this.#cells.calls);
  }

  get #othersWait(): boolean {
    const { use, waiting, ownWaiting } = this.#cells;
    return Atomics.load(use, waiting) > (use[ownWaiting] ?? 0);
  }

  #count(amount: number): void {
    const { use, waiting, ownWaiting } = this.#cells;
    use[ownWaiting] = (use[ownWaiting] ?? 0) + amount;
    Atomics.add(use, waiting, amount);
  }

  #watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    const { use, connections } = this.#cells;
    onChange(use, connections, () => {
      this.#watching = false;
      this.#wake();
    });
  }

  #wake(): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    this.#count(-waiters.length);
    this.#served = true;
    try {
      for (const waiter of waiters) waiter.onConnectionLeft();
    } finally {
      this.#served = false;
    }
    // Not taken after all: the next worker's turn.
    if (this.called && this.#isLeft()) this.notify();
  }

  #hear(): void {
    this.#listening = true;
    const { use, calls } = this.#cells;
    onChange(use, calls, () => {
      this.#listening = false;
      if (this.#onCall === undefined) return;
      this.#hear();
      this.#onCall();
    });
  }
}

/** Runs `then` after the cell has changed or somebody has notified those that watch it. */
function onChange(use: Int32Array, cell: number, then: () => void): void {
  const waiting = Atomics.waitAsync(use, cell, Atomics.load(use, cell));
  if (waiting.async) void waiting.value.then(then);
  else queueMicrotask(then);
}
