// hot path: no allocation per request
import type { Thresholds } from "../../model/cluster.ts";
import { type Limits, retriesMax } from "./limits.ts";

/** Cells of one count of everything: of all workers, and then of each of them. */
const CONNECTIONS = 0;
const PENDING = 1;
const REQUESTS = 2;
const RETRIES = 3;
const CELLS = 4;

/** What a cluster has in use over so many workers: numbers that all threads see. */
export function sharedUse(workers: number): Int32Array<SharedArrayBuffer> {
  const bytes = (1 + workers) * CELLS * Int32Array.BYTES_PER_ELEMENT;
  return new Int32Array(new SharedArrayBuffer(bytes));
}

/** Gives back all that a worker had in use when it ended. Only once it runs no more. */
export function releaseAll(use: Int32Array, worker: number): void {
  for (let what = 0; what < CELLS; what++) {
    const own = (1 + worker) * CELLS + what;
    Atomics.sub(use, what, Atomics.exchange(use, own, 0));
  }
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
  #thresholds: Thresholds;

  /** `worker`: from 0, below the number that `sharedUse` was given. */
  constructor(thresholds: Thresholds, use: Int32Array, worker: number) {
    this.#thresholds = thresholds;
    this.#use = use;
    this.#own = (1 + worker) * CELLS;
  }

  change(thresholds: Thresholds): void {
    this.#thresholds = thresholds;
  }

  takeConnection(): boolean {
    return this.#take(CONNECTIONS, this.#thresholds.maxConnections);
  }

  exceedConnections(): void {
    this.#addOwn(CONNECTIONS, 1);
    Atomics.add(this.#use, CONNECTIONS, 1);
  }

  releaseConnection(): void {
    this.#release(CONNECTIONS);
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

  releaseRequest(): void {
    this.#release(REQUESTS);
  }

  takeRetry(): boolean {
    return this.#take(RETRIES, this.#retriesMax());
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
