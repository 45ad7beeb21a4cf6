// hot path: no allocation per request
import { SharedCells } from "../../breaker/circuit/cells.ts";
import type { Thresholds } from "../../model/cluster.ts";
import { ConnectionQueue, type ConnectionWaiter } from "./connection-queue.ts";
import { type Limits, retriesMax, sameRate } from "./limits.ts";
import { RETRY_RATE_CELLS, RetryRate } from "./retry-rate.ts";

/**
 * Cells of one count of everything: of all workers, and then of each of them; then those of the
 * retry rate; and one more.
 */
const CONNECTIONS = 0;
const PENDING = 1;
const REQUESTS = 2;
const RETRIES = 3;
const WAITING = 4;
const CELLS = 5;

/**
 * What a cluster has in use over so many workers: numbers that all threads see. `more`: numbers
 * behind them in the same memory, for others: see `behindUse`.
 */
export function sharedUse(workers: number, more = 0): Int32Array<SharedArrayBuffer> {
  const cells = (1 + workers) * CELLS + RETRY_RATE_CELLS + 1;
  const memory = new SharedArrayBuffer((cells + more) * Int32Array.BYTES_PER_ELEMENT);
  return new Int32Array(memory, 0, cells);
}

/** The numbers behind those of `sharedUse`; undefined where there are none. */
export function behindUse(use: Int32Array): Int32Array<SharedArrayBuffer> | undefined {
  const { buffer, byteLength } = use;
  const hasMore = byteLength < buffer.byteLength && buffer instanceof SharedArrayBuffer;
  return hasMore ? new Int32Array(buffer, byteLength) : undefined;
}

/** Gives back all that a worker had in use when it ended. Only once it runs no more. */
export function releaseAll(use: Int32Array, worker: number): void {
  for (let what = 0; what < CELLS; what++) {
    const own = (1 + worker) * CELLS + what;
    Atomics.sub(use, what, Atomics.exchange(use, own, 0));
  }
  Atomics.notify(use, CONNECTIONS);
}

/**
 * The limits of a proxy with several workers, as one of them sees them. A thread may be ended
 * between any two steps, so each writes its own share first when it takes, and last when it gives
 * back: what then is released for it (`releaseAll`) is at most one too many, and never blocks a
 * cluster for good.
 */
export class SharedLimits implements Limits {
  readonly #use: Int32Array;
  readonly #own: number;
  readonly #queue: ConnectionQueue;
  #thresholds: Thresholds;
  #retryRate: RetryRate | undefined;

  /** `worker`: from 0, below the number that `sharedUse` was given. */
  constructor(thresholds: Thresholds, use: Int32Array, worker: number) {
    this.#thresholds = thresholds;
    this.#use = use;
    this.#retryRate = this.#rateOf(thresholds);
    this.#own = (1 + worker) * CELLS;
    const cells = { use, connections: CONNECTIONS, waiting: WAITING, calls: use.length - 1 };
    const ownWaiting = this.#own + WAITING;
    this.#queue = new ConnectionQueue(
      { ...cells, ownWaiting },
      () => this.remainingConnections > 0,
    );
  }

  change(thresholds: Thresholds): void {
    const before = this.#thresholds.retryRate;
    this.#thresholds = thresholds;
    if (!sameRate(before, thresholds.retryRate)) {
      this.#retryRate = this.#rateOf(thresholds);
      // Each worker does so, the last of them when nobody counts by the old window any more.
      this.#retryRate?.restart();
    }
    if (this.#queue.called) this.#queue.notify();
  }

  takeConnection(): boolean {
    return this.#queue.mayAsk && this.#take(CONNECTIONS, this.#thresholds.maxConnections);
  }

  /** Where none is allowed at all, a host may have one as on one thread: waiting would not end. */
  takeFirstConnection(waiter: ConnectionWaiter): boolean {
    if (this.#thresholds.maxConnections > 0) {
      this.#queue.add(waiter);
      return false;
    }
    this.#addOwn(CONNECTIONS, 1);
    Atomics.add(this.#use, CONNECTIONS, 1);
    return true;
  }

  releaseConnection(): void {
    this.#release(CONNECTIONS);
    if (this.#queue.called) this.#queue.notify();
  }

  get connectionWanted(): boolean {
    return this.#queue.called;
  }

  listen(onCall: () => void): void {
    this.#queue.listen(onCall);
  }

  close(): void {
    this.#queue.close();
  }

  takePending(): boolean {
    return this.#take(PENDING, this.#thresholds.maxPendingRequests);
  }

  releasePending(): void {
    this.#release(PENDING);
  }

  takeRequest(): boolean {
    return this.#take(REQUESTS, this.#thresholds.maxRequests);
  }

  addRequest(): void {
    this.#addOwn(REQUESTS, 1);
    Atomics.add(this.#use, REQUESTS, 1);
  }

  releaseRequest(): void {
    this.#release(REQUESTS);
  }

  countRequest(nowMs: number): void {
    this.#retryRate?.countRequest(nowMs);
  }

  takeRetry(nowMs: number): boolean {
    if (!this.#take(RETRIES, this.#retriesMax())) return false;
    if (this.#retryRate?.take(nowMs) !== false) return true;
    this.#release(RETRIES);
    return false;
  }

  #rateOf({ retryRate }: Thresholds): RetryRate | undefined {
    if (retryRate === undefined) return undefined;
    const cells = new SharedCells(this.#use as Int32Array<SharedArrayBuffer>);
    return new RetryRate(retryRate, cells, this.#use.length - 1 - RETRY_RATE_CELLS);
  }

  releaseRetry(): void {
    this.#release(RETRIES);
  }

  get remainingConnections(): number {
    return this.#remaining(CONNECTIONS, this.#thresholds.maxConnections);
  }

  get remainingPending(): number {
    return this.#remaining(PENDING, this.#thresholds.maxPendingRequests);
  }

  get remainingRequests(): number {
    return this.#remaining(REQUESTS, this.#thresholds.maxRequests);
  }

  get remainingRetries(): number {
    return this.#remaining(RETRIES, this.#retriesMax());
  }

  #retriesMax(): number {
    const inFlight = Atomics.load(this.#use, REQUESTS) + Atomics.load(this.#use, PENDING);
    return retriesMax(this.#thresholds, inFlight);
  }

  #remaining(what: number, max: number): number {
    return Math.max(0, max - Atomics.load(this.#use, what));
  }

  /** Compares and swaps, so that a refusal never passes for use in another worker's eyes. */
  #take(what: number, max: number): boolean {
    let seen = Atomics.load(this.#use, what);
    if (seen >= max) return false;
    this.#addOwn(what, 1);
    for (;;) {
      const found = Atomics.compareExchange(this.#use, what, seen, seen + 1);
      if (found === seen) return true;
      seen = found;
      if (seen < max) continue;
      this.#addOwn(what, -1);
      return false;
    }
  }

  #release(what: number): void {
    Atomics.sub(this.#use, what, 1);
    this.#addOwn(what, -1);
  }

  /** Only this worker writes there while it lives. */
  #addOwn(what: number, amount: number): void {
    const cell = this.#own + what;
    this.#use[cell] = (this.#use[cell] as number) + amount;
  }
}
