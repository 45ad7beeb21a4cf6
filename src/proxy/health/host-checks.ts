import type { Timer } from "../../base/clock.ts";
import type { HealthCheck } from "../../model/upstream/health-check.ts";
import type { Host } from "../cluster/host.ts";
import { contained, type FaultOwner } from "../faults.ts";
import type { HealthCheckStats } from "../telemetry/envoy/health-check-stats.ts";
import { HostHealth } from "./host-health.ts";
import { type CheckOutcome, passed } from "./probe/outcome.ts";
import type { Probe, ProbeOwner } from "./probe/probe.ts";
import { probeOf } from "./probe-choice.ts";

/** What the checks of a host need to know of its cluster. */
export interface HostChecksOwner {
  readonly config: HealthCheck;
  readonly stats: HealthCheckStats;
  /** Milliseconds until the next check. `turning`: the host's health is about to change. */
  intervalMs(passed: boolean, turning: boolean): number;
  /** The host's health has changed. */
  onHealth(host: Host): void;
  /** It has passed a check, and is healthy. */
  onPassed(host: Host): void;
}

/**
 * Checks one host again and again, one check at a time.
 *
 * ```
 *   waiting --interval--> checking --answer, failure or timeout--> waiting
 * ```
 */
export class HostChecks implements ProbeOwner, FaultOwner {
  readonly #host: Host;
  readonly #owner: HostChecksOwner;
  readonly #health: HostHealth;
  readonly #probe: Probe;
  #checking = false;
  #interval: Timer | undefined;
  #timeout: Timer | undefined;
  #stopped = false;

  constructor(host: Host, owner: HostChecksOwner) {
    this.#host = host;
    this.#owner = owner;
    this.#health = new HostHealth(owner.config, !host.failedCheck, host.degradedCheck);
    if (this.#health.healthy) owner.stats.healthyHosts(1);
    if (this.#health.healthy && this.#health.degraded) owner.stats.degradedHosts(1);
    this.#probe = probeOf(host, owner.config, this);
  }

  /** Begins, after `delayMs`. */
  start(delayMs: number): void {
    if (delayMs > 0) this.#schedule(delayMs);
    else this.#begin();
  }

  /** For ever: the host is gone. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#interval?.cancel();
    this.#timeout?.cancel();
    this.#probe.close();
    if (!this.#health.healthy) return;
    this.#owner.stats.healthyHosts(-1);
    if (this.#health.degraded) this.#owner.stats.degradedHosts(-1);
  }

  onOutcome(outcome: CheckOutcome): void {
    if (!this.#checking || this.#stopped) return;
    this.#checking = false;
    this.#timeout?.cancel();
    this.#note(outcome);
    if (this.#stopped) return;
    this.#schedule(this.#owner.intervalMs(passed(outcome), this.#health.turning));
  }

  onFault(error: unknown): void {
    this.#host.cluster.context.faults.report(error);
  }

  #schedule(delayMs: number): void {
    const begin = contained(this as HostChecks, this.#begin);
    this.#interval = this.#host.cluster.context.clock.after(delayMs, begin);
  }

  #begin(): void {
    const { clock } = this.#host.cluster.context;
    const { config, stats } = this.#owner;
    stats.count("attempt");
    const timeout = contained(this as HostChecks, this.#onTimeout);
    this.#timeout = clock.after(config.timeoutMs, timeout);
    this.#checking = true;
    this.#probe.check();
  }

  #onTimeout(): void {
    this.#probe.cancel();
    this.onOutcome("timeout");
  }

  #note(outcome: CheckOutcome): void {
    const { stats } = this.#owner;
    const was = this.#health.healthy;
    const wasDegraded = this.#health.degraded;
    this.#health.note(outcome);
    const { healthy, degraded, timedOut } = this.#health;
    stats.count(passed(outcome) ? "success" : "failure");
    if (outcome === "network" || outcome === "timeout") stats.count("network_failure");
    this.#host.failedCheck = !healthy;
    this.#host.degradedCheck = degraded;
    this.#host.checkTimedOut = timedOut;
    if (healthy && passed(outcome)) this.#owner.onPassed(this.#host);
    if (healthy === was && degraded === wasDegraded) return;
    stats.healthyHosts(Number(healthy) - Number(was));
    stats.degradedHosts(Number(healthy && degraded) - Number(was && wasDegraded));
    this.#owner.onHealth(this.#host);
  }
}
