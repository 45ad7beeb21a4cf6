// hot path: no allocation per request
import { LocalCells } from "../../breaker/circuit/cells.ts";
import type { Thresholds } from "../../model/cluster.ts";
import type { LimitsView } from "../telemetry/envoy/cluster-stats.ts";
import type { ConnectionWaiter } from "./connection-queue.ts";
import { RETRY_RATE_CELLS, RetryRate } from "./retry-rate.ts";

/**
 * What a cluster has in use, held against its thresholds (Envoy: `circuit_breakers`). Counts are
 * of the whole cluster and, where a proxy has several workers, of all of them. Every `take…` that
 * says true is answered by one `release…`.
 */
export interface Limits extends LimitsView {
  /** What is in use stays in use. */
  change(thresholds: Thresholds): void;
  takeConnection(): boolean;
  /**
   * For a pool that has none and was refused one. On one thread every host may have a connection,
   * threshold or not (Envoy: ConnPoolImplBase); several workers hand those round that the
   * threshold allows: then false, and the pool is told when it may ask again.
   */
  takeFirstConnection(waiter: ConnectionWaiter): boolean;
  releaseConnection(): void;
  /** True while a pool waits for another's connection: who has an idle one closes it. */
  readonly connectionWanted: boolean;
  /** `onCall`: somebody has begun to wait. */
  listen(onCall: () => void): void;
  /** The cluster goes: nobody is called any more. */
  close(): void;
  takePending(): boolean;
  releasePending(): void;
  takeRequest(): boolean;
  /** A TCP connection, which counts and is never refused for it (Envoy: TcpConnPool). */
  addRequest(): void;
  releaseRequest(): void;
  /** A request begins that may be retried. */
  countRequest(nowMs: number): void;
  takeRetry(nowMs: number): boolean;
  releaseRetry(): void;
}

/** A retry budget is a share of what is in flight or waiting (Envoy: ResourceManagerImpl). */
export function retriesMax(thresholds: Thresholds, inFlight: number): number {
  const budget = thresholds.retryBudget;
  if (budget === undefined) return thresholds.maxRetries;
  const share = Math.floor((budget.budgetPercent / 100) * inFlight);
  return Math.max(budget.minRetryConcurrency, share);
}

function retryRateOf({ retryRate }: Thresholds): RetryRate | undefined {
  if (retryRate === undefined) return undefined;
  return new RetryRate(retryRate, new LocalCells(RETRY_RATE_CELLS), 0);
}

export function sameRate(one: Thresholds["retryRate"], other: Thresholds["retryRate"]): boolean {
  return (
    one?.percent === other?.percent &&
    one?.minPerSecond === other?.minPerSecond &&
    one?.windowMs === other?.windowMs
  );
}

/** The limits of a proxy that serves on one thread. */
export class LocalLimits implements Limits {
  #thresholds: Thresholds;
  #connections = 0;
  #pending = 0;
  #requests = 0;
  #retries = 0;
  #retryRate: RetryRate | undefined;

  constructor(thresholds: Thresholds) {
    this.#thresholds = thresholds;
    this.#retryRate = retryRateOf(thresholds);
  }

  change(thresholds: Thresholds): void {
    const before = this.#thresholds.retryRate;
    this.#thresholds = thresholds;
    if (!sameRate(before, thresholds.retryRate)) this.#retryRate = retryRateOf(thresholds);
  }

  takeConnection(): boolean {
    if (this.#connections >= this.#thresholds.maxConnections) return false;
    this.#connections++;
    return true;
  }

  takeFirstConnection(_waiter: ConnectionWaiter): boolean {
    this.#connections++;
    return true;
  }

  releaseConnection(): void {
    this.#connections--;
  }

  get connectionWanted(): boolean {
    return false;
  }

  listen(_onCall: () => void): void {
    // Nobody else has connections.
  }

  close(): void {
    // Nobody is called.
  }

  takePending(): boolean {
    if (this.#pending >= this.#thresholds.maxPendingRequests) return false;
    this.#pending++;
    return true;
  }

  releasePending(): void {
    this.#pending--;
  }

  takeRequest(): boolean {
    if (this.#requests >= this.#thresholds.maxRequests) return false;
    this.#requests++;
    return true;
  }

  addRequest(): void {
    this.#requests++;
  }

  releaseRequest(): void {
    this.#requests--;
  }

  countRequest(nowMs: number): void {
    this.#retryRate?.countRequest(nowMs);
  }

  takeRetry(nowMs: number): boolean {
    if (this.#retries >= this.#retriesMax()) return false;
    if (this.#retryRate?.take(nowMs) === false) return false;
    this.#retries++;
    return true;
  }

  releaseRetry(): void {
    this.#retries--;
  }

  get remainingConnections(): number {
    return Math.max(0, this.#thresholds.maxConnections - this.#connections);
  }

  get remainingPending(): number {
    return Math.max(0, this.#thresholds.maxPendingRequests - this.#pending);
  }

  get remainingRequests(): number {
    return Math.max(0, this.#thresholds.maxRequests - this.#requests);
  }

  get remainingRetries(): number {
    return Math.max(0, this.#retriesMax() - this.#retries);
  }

  #retriesMax(): number {
    return retriesMax(this.#thresholds, this.#requests + this.#pending);
  }
}
