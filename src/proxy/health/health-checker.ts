import type { HealthCheck } from "../../model/upstream/health-check.ts";
import type { Host } from "../cluster/host.ts";
import type { UpstreamCluster } from "../cluster/upstream-cluster.ts";
import type { HealthCheckStats } from "../telemetry/envoy/health-check-stats.ts";
import { HostChecks, type HostChecksOwner } from "./host-checks.ts";

export interface HealthCheckerOwner {
  /** A host has become healthy or unhealthy. */
  onChange(): void;
  /** A host that is healthy has passed another check. */
  onPassed(host: Host): void;
}

/** Actively checks the hosts of a cluster (Envoy: HealthCheckerImplBase). */
export class HealthChecker implements HostChecksOwner {
  readonly config: HealthCheck;
  readonly stats: HealthCheckStats;
  readonly #cluster: UpstreamCluster;
  readonly #owner: HealthCheckerOwner;
  readonly #checks = new Map<Host, HostChecks>();

  constructor(cluster: UpstreamCluster, config: HealthCheck, owner: HealthCheckerOwner) {
    this.config = config;
    this.stats = cluster.stats.healthCheck();
    this.#cluster = cluster;
    this.#owner = owner;
  }

  /** From now on these are the hosts: new ones are checked, those that are gone no longer. */
  follow(hosts: Iterable<Host>): void {
    const listed = new Set(checkable(hosts));
    for (const [host, checks] of this.#checks) {
      if (listed.has(host)) continue;
      this.#checks.delete(host);
      checks.stop();
    }
    for (const host of listed) if (!this.#checks.has(host)) this.#watch(host);
  }

  stop(): void {
    this.follow([]);
  }

  intervalMs(passed: boolean, turning: boolean): number {
    const { intervalJitterMs, intervalJitterPercent } = this.config;
    const { random } = this.#cluster.context;
    const base = this.#plainIntervalMs(passed, turning);
    const share = random.next() * ((base * intervalJitterPercent) / 100);
    return Math.max(1, base + share + random.next() * intervalJitterMs);
  }

  /** Envoy: HealthCheckerImplBase::interval. A cluster that nobody has asked yet has its own. */
  #plainIntervalMs(passed: boolean, turning: boolean): number {
    const { intervalMs, noTrafficIntervalMs, ...others } = this.config;
    if (this.#cluster.stats.value("upstream_cx_total") === 0) {
      const settled = passed && !turning;
      return (settled ? others.noTrafficHealthyIntervalMs : undefined) ?? noTrafficIntervalMs;
    }
    if (passed) return (turning ? others.healthyEdgeIntervalMs : undefined) ?? intervalMs;
    const unhealthyMs = others.unhealthyIntervalMs ?? intervalMs;
    return (turning ? others.unhealthyEdgeIntervalMs : undefined) ?? unhealthyMs;
  }

  /** The connections of a host that is unhealthy close when they are idle. */
  onHealth(host: Host): void {
    if (host.failedCheck) host.drain();
    this.#owner.onChange();
  }

  onPassed(host: Host): void {
    this.#owner.onPassed(host);
  }

  #watch(host: Host): void {
    const { random } = this.#cluster.context;
    const { initialJitterMs } = this.config;
    const checks = new HostChecks(host, this);
    this.#checks.set(host, checks);
    checks.start(initialJitterMs > 0 ? 1 + random.below(initialJitterMs) : 0);
  }
}

function* checkable(hosts: Iterable<Host>): Generator<Host> {
  for (const host of hosts) if (host.endpoint.check?.disabled !== true) yield host;
}
