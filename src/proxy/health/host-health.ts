import { type CheckOutcome, passed } from "./probe/outcome.ts";

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
  #healthy: boolean;
  #first: boolean;
  #successes = 0;
  #failures = 0;
  #timedOut = false;
  #degraded: boolean;

  /** `healthy`, `degraded`: what is known already, where it takes another's place. */
  constructor(thresholds: HealthThresholds, healthy = false, degraded = false) {
    this.#thresholds = thresholds;
    this.#healthy = healthy;
    this.#degraded = degraded;
    this.#first = !healthy;
  }

  /** A new host is unhealthy until its first check. */
  get healthy(): boolean {
    return this.#healthy;
  }

  /** The last check that it passed said that it would rather not be asked. */
  get degraded(): boolean {
    return this.#degraded;
  }

  /** Checks have begun to say something else than it is; not often enough yet. */
  get turning(): boolean {
    return this.#healthy ? this.#failures > 0 : this.#successes > 0;
  }

  /** It is unhealthy, and the last check had no answer in time (Envoy: ACTIVE_HC_TIMEOUT). */
  get timedOut(): boolean {
    return this.#timedOut;
  }

  /** A check has ended. */
  note(outcome: CheckOutcome): void {
    if (passed(outcome)) this.#succeed(outcome);
    else this.#fail(outcome);
    this.#first = false;
  }

  #succeed(outcome: CheckOutcome): void {
    this.#failures = 0;
    this.#degraded = outcome === "degraded";
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
