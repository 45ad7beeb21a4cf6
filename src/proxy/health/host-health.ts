/**
 * How a check ended: the service is there or says that it is not; nobody answered, or not in time.
 */
export type CheckOutcome = "healthy" | "unhealthy" | "network" | "timeout";

export interface HealthThresholds {
  /** Failures to reach it, in a row, that make a host unhealthy; one that says so is at once. */
  readonly unhealthyThreshold: number;
  /** Successes in a row that make it healthy again; the very first check counts alone. */
  readonly healthyThreshold: number;
}

/**
 * What active checks have found out about one host (Envoy: ActiveHealthCheckSession).
 *
 * ```
 *               healthyThreshold successes, or the first check
 *   unhealthy --------------------------------------------------> healthy
 *       ^                                                            |
 *       +---- "no", or unhealthyThreshold checks without answer -----+
 * ```
 */
export class HostHealth {
  readonly #thresholds: HealthThresholds;
  #healthy = false;
  #first = true;
  #successes = 0;
  #failures = 0;
  #timedOut = false;

  constructor(thresholds: HealthThresholds) {
    this.#thresholds = thresholds;
  }

  /** A new host is unhealthy until its first check. */
  get healthy(): boolean {
    return this.#healthy;
  }

  /** It is unhealthy, and the last check had no answer in time (Envoy: ACTIVE_HC_TIMEOUT). */
  get timedOut(): boolean {
    return this.#timedOut;
  }

  /** A check has ended. */
  note(outcome: CheckOutcome): void {
    if (outcome === "healthy") this.#succeed();
    else this.#fail(outcome);
    this.#first = false;
  }

  #succeed(): void {
    this.#failures = 0;
    if (this.#healthy) return;
    this.#successes++;
    if (!this.#first && this.#successes < this.#thresholds.healthyThreshold) return;
    this.#healthy = true;
    this.#timedOut = false;
  }

  #fail(outcome: CheckOutcome): void {
    this.#successes = 0;
    if (this.#healthy) {
      this.#failures++;
      const atOnce = outcome === "unhealthy";
      if (atOnce || this.#failures >= this.#thresholds.unhealthyThreshold) this.#healthy = false;
    }
    this.#timedOut = outcome === "timeout" && !this.#healthy;
  }
}
