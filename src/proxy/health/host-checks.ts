import type { Timer } from "../../base/clock.ts";
import type { HealthCheck } from "../../model/cluster.ts";
import type { Host } from "../cluster/host.ts";
import { contained, type FaultOwner } from "../faults.ts";
import type { HealthCheckStats } from "../telemetry/envoy/health-check-stats.ts";
import { GrpcCheck } from "./grpc-check.ts";
import { type CheckOutcome, HostHealth } from "./host-health.ts";
import { ProbeConnection, type ProbeConnectionOwner } from "./probe-connection.ts";

/** What the checks of a host need to know of its cluster. */
export interface HostChecksOwner {
  readonly config: HealthCheck;
  readonly stats: HealthCheckStats;
  /** Milliseconds until the next check. */
  intervalMs(): number;
  /** The host's health has changed. */
  onHealth(host: Host): void;
}

/**
 * Checks one host again and again, one check at a time.
 *
 * ```
 *   waiting --interval--> checking --answer, failure or timeout--> waiting
 * ```
 */
export class HostChecks implements ProbeConnectionOwner, FaultOwner {
  readonly #host: Host;
  readonly #owner: HostChecksOwner;
  readonly #health: HostHealth;
  #connection: ProbeConnection | undefined;
  #check: GrpcCheck | undefined;
  #interval: Timer | undefined;
  #timeout: Timer | undefined;
  #stopped = false;

  constructor(host: Host, owner: HostChecksOwner) {
    this.#host = host;
    this.#owner = owner;
    this.#health = new HostHealth(owner.config);
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
    this.#check?.cancel();
    this.#check = undefined;
    this.#connection?.close();
    if (this.#health.healthy) this.#owner.stats.healthyHosts(-1);
  }

  onProbeOpen(): void {
    if (this.#check !== undefined) this.#send(this.#check);
  }

  /** A check that was waiting for the connection hears nothing of it otherwise. */
  onProbeClosed(): void {
    this.#connection = undefined;
    this.#end("network");
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
    this.#dropUseless();
    this.#check = new GrpcCheck((outcome) => this.#end(outcome));
    this.#connection ??= new ProbeConnection(this.#host, this);
    if (this.#connection.usable) this.#send(this.#check);
  }

  #send(check: GrpcCheck): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const { config, name } = this.#host.cluster;
    const { authority, serviceName, timeoutMs } = this.#owner.config;
    check.send(connection.openStream(check), {
      scheme: config.tls === undefined ? "http" : "https",
      authority: authority === "" ? name : authority,
      service: serviceName,
      timeoutMs,
    });
  }

  #onTimeout(): void {
    this.#check?.cancel();
    this.#end("timeout");
    if (this.#connection?.connecting === true) this.#connection.close();
  }

  /** A connection that the host has said goodbye to makes room for another. */
  #dropUseless(): void {
    const connection = this.#connection;
    if (connection === undefined || connection.usable) return;
    this.#connection = undefined;
    connection.close();
  }

  #end(outcome: CheckOutcome): void {
    if (this.#check === undefined || this.#stopped) return;
    this.#check = undefined;
    this.#timeout?.cancel();
    this.#note(outcome);
    if (!this.#stopped) this.#schedule(this.#owner.intervalMs());
  }

  #note(outcome: CheckOutcome): void {
    const { stats } = this.#owner;
    const was = this.#health.healthy;
    this.#health.note(outcome);
    const { healthy, timedOut } = this.#health;
    stats.count(outcome === "healthy" ? "success" : "failure");
    if (outcome === "network" || outcome === "timeout") stats.count("network_failure");
    this.#host.failedCheck = !healthy;
    this.#host.checkTimedOut = timedOut;
    if (healthy === was) return;
    stats.healthyHosts(healthy ? 1 : -1);
    this.#owner.onHealth(this.#host);
  }
}
