// hot path: no allocation per request
import type { Thresholds } from "../../model/cluster.ts";
import type { LimitsView } from "../telemetry/envoy/cluster-stats.ts";

/**
 * What a cluster has in use, held against its thresholds (Envoy: `circuit_breakers`). Counts are
 * of the whole cluster. Every `take…` that says true is answered by one `release…`.
 */
export class Limits implements LimitsView {
  #thresholds: Thresholds;
  connections = 0;
  pending = 0;
  requests = 0;
  retries = 0;

  constructor(thresholds: Thresholds) {
    this.#thresholds = thresholds;
  }

  /** What is in use stays in use. */
  change(thresholds: Thresholds): void {
    this.#thresholds = thresholds;
  }

  takePending(): boolean {
    if (this.pending >= this.#thresholds.maxPendingRequests) return false;
    this.pending++;
    return true;
  }

  releasePending(): void {
    this.pending--;
  }

  takeRequest(): boolean {
    if (this.requests >= this.#thresholds.maxRequests) return false;
    this.requests++;
    return true;
  }

  releaseRequest(): void {
    this.requests--;
  }

  takeRetry(): boolean {
    if (this.retries >= this.#retriesMax()) return false;
    this.retries++;
    return true;
  }

  releaseRetry(): void {
    this.retries--;
  }

  get connectionsLeft(): boolean {
    return this.connections < this.#thresholds.maxConnections;
  }

  get remainingConnections(): number {
    return Math.max(0, this.#thresholds.maxConnections - this.connections);
  }

  get remainingPending(): number {
    return Math.max(0, this.#thresholds.maxPendingRequests - this.pending);
  }

  get remainingRequests(): number {
    return Math.max(0, this.#thresholds.maxRequests - this.requests);
  }

  get remainingRetries(): number {
    return Math.max(0, this.#retriesMax() - this.retries);
  }

  /** A retry budget is a share of what is in flight or waiting (Envoy: ResourceManagerImpl). */
  #retriesMax(): number {
    const budget = this.#thresholds.retryBudget;
    if (budget === undefined) return this.#thresholds.maxRetries;
    const share = Math.floor((budget.budgetPercent / 100) * (this.requests + this.pending));
    return Math.max(budget.minRetryConcurrency, share);
  }
}
