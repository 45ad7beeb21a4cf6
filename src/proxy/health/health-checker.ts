import type { HealthCheck } from "../../model/cluster.ts";
import type { Host } from "../cluster/host.ts";
import type { UpstreamCluster } from "../cluster/upstream-cluster.ts";
import type { HealthCheckStats } from "../telemetry/envoy/health-check-stats.ts";
import { HostChecks, type HostChecksOwner } from "./host-checks.ts";

/** Actively checks the hosts of a cluster (Envoy: HealthCheckerImplBase). */
export class HealthChecker implements HostChecksOwner {
  readonly config: HealthCheck;
  readonly stats: HealthCheckStats;
  readonly #cluster: UpstreamCluster;
  readonly #onChange: () => void;
  readonly #checks = new Map<Host, HostChecks>();

  /** `onChange`: a host has become healthy or unhealthy. */
  constructor(cluster: UpstreamCluster, config: HealthCheck, onChange: () => void) {
    this.config = config;
    this.stats = cluster.stats.healthCheck();
    this.#cluster = cluster;
    this.#onChange = onChange;
  }

  /** From now on these are the hosts: new ones are checked, those that are gone no longer. */
  follow(hosts: Iterable<Host>): void {
    const listed = new Set(hosts);
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

  /** A cluster that nobody has asked yet is checked less often. */
  intervalMs(): number {
    const { intervalMs, noTrafficIntervalMs } = this.config;
    const traffic = this.#cluster.stats.value("upstream_cx_total") > 0;
    return Math.max(1, traffic ? intervalMs : noTrafficIntervalMs);
  }

  /** The connections of a host that is unhealthy close when they are idle. */
  onHealth(host: Host): void {
    if (host.failedCheck) host.drain();
    this.#onChange();
  }

  #watch(host: Host): void {
    const { random } = this.#cluster.context;
    const { initialJitterMs } = this.config;
    const checks = new HostChecks(host, this);
    this.#checks.set(host, checks);
    checks.start(initialJitterMs > 0 ? 1 + random.below(initialJitterMs) : 0);
  }
}
