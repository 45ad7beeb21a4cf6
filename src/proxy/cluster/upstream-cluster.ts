import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { Address } from "../../model/address.ts";
import { formatAddress } from "../../model/address.ts";
import type { Cluster } from "../../model/cluster.ts";
import type { ClusterLoadAssignment, Endpoint } from "../../model/endpoint.ts";
import { type Balancer, createBalancer } from "../balance/balancer.ts";
import { Limits } from "../limits/limits.ts";
import type { ClusterStats } from "../telemetry/envoy/cluster-stats.ts";
import type { Destination, Direction } from "../telemetry/standard/destination.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { Host } from "./host.ts";
import { Resolution, type Resolve } from "./resolution.ts";

/** What every cluster and connection needs of the program around it. */
export interface ProxyContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly resolve: Resolve;
}

/** Hosts to passed-through addresses are forgotten when so many others have come. */
const ORIGINAL_DST_HOSTS_MAX = 1024;

/** A group of endpoints that serve the same thing, at work. */
export class UpstreamCluster {
  readonly context: ProxyContext;
  readonly stats: ClusterStats;
  readonly limits: Limits;
  readonly outbound: Destination;
  readonly inbound: Destination;
  config: Cluster;
  #hosts = new Map<string, Host>();
  #balancer: Balancer<Host> | undefined;
  #assignment: ClusterLoadAssignment | undefined;
  #panic = false;
  #resolution: Resolution | undefined;

  constructor(config: Cluster, context: ProxyContext) {
    this.config = config;
    this.context = context;
    this.stats = context.telemetry.cluster(config.statName === "" ? config.name : config.statName);
    this.limits = new Limits(config.thresholds);
    this.stats.watchLimits(this.limits, config.thresholds.trackRemaining);
    this.outbound = this.destinationOf("outbound", undefined);
    this.inbound = this.destinationOf("inbound", undefined);
    this.#discover();
  }

  get name(): string {
    return this.config.name;
  }

  get hosts(): readonly Host[] {
    return [...this.#hosts.values()];
  }

  /** Takes over what may change without new connections; false where a new cluster is needed. */
  update(config: Cluster): boolean {
    if (!sameTransport(this.config, config)) return false;
    const before = this.config;
    this.config = config;
    this.limits.change(config.thresholds);
    this.stats.watchLimits(this.limits, config.thresholds.trackRemaining);
    const moved = JSON.stringify(before.loadAssignment) !== JSON.stringify(config.loadAssignment);
    if (moved) this.#discover();
    else this.#rebalance();
    return true;
  }

  /** The endpoints are now these; hosts that stay keep their connections. */
  setEndpoints(assignment: ClusterLoadAssignment): void {
    const same = JSON.stringify(assignment) === JSON.stringify(this.#assignment);
    this.#assignment = assignment;
    if (same) {
      this.stats.count("update_no_rebuild");
      return;
    }
    const listed = assignment.localities
      .filter(({ priority }) => priority === 0)
      .flatMap(({ endpoints }) => endpoints);
    this.#setHosts(listed);
  }

  /** A host for a request, undefined where there is none. */
  pick(): Host | undefined {
    if (this.#balancer === undefined) return undefined;
    if (this.#panic) this.stats.count("lb_healthy_panic");
    return this.#balancer.pick();
  }

  /** ORIGINAL_DST: the host that the connection wanted to reach. */
  pickAddress(address: Address): Host {
    const key = formatAddress(address);
    let host = this.#hosts.get(key);
    if (host === undefined) {
      if (this.#hosts.size >= ORIGINAL_DST_HOSTS_MAX) this.#forgetOldest();
      host = new Host(this, endpointOf(address));
      this.#hosts.set(key, host);
    }
    return host;
  }

  destinationOf(direction: Direction, endpoint: Endpoint | undefined): Destination {
    return this.context.telemetry.destination({
      direction,
      clusterName: this.config.name,
      service: this.config.service,
      workload: endpoint?.workload,
    });
  }

  /** No new requests come: what is idle closes, what is busy finishes. */
  drain(): void {
    this.#resolution?.stop();
    for (const host of this.#hosts.values()) host.pool.drain();
  }

  #discover(): void {
    this.#resolution?.stop();
    this.#resolution = undefined;
    const { discovery, loadAssignment } = this.config;
    if (loadAssignment === undefined || discovery === "eds") return;
    if (discovery === "strictDns" || discovery === "logicalDns") {
      const listed = loadAssignment.localities.flatMap(({ endpoints }) => endpoints);
      this.#resolution = new Resolution(listed, {
        everyMs: this.config.dnsRefreshRateMs,
        firstOnly: discovery === "logicalDns",
        context: this.context,
        stats: this.stats,
        onEndpoints: (endpoints) => this.#setHosts(endpoints),
      });
      return;
    }
    this.setEndpoints(loadAssignment);
  }

  #setHosts(endpoints: readonly Endpoint[]): void {
    const before = this.#hosts;
    this.#hosts = new Map();
    for (const endpoint of endpoints) {
      const key = formatAddress(endpoint.address);
      const host = before.get(key);
      if (host !== undefined) {
        host.update(endpoint);
        before.delete(key);
      }
      this.#hosts.set(key, host ?? new Host(this, endpoint));
    }
    for (const gone of before.values()) gone.pool.drain();
    this.#rebalance();
  }

  /** Whom to balance over: the healthy hosts, or all of them in a panic. */
  #rebalance(): void {
    const all = [...this.#hosts.values()];
    const healthy = all.filter((host) => host.endpoint.health === "healthy");
    const degraded = all.filter((host) => host.endpoint.health === "degraded");
    const usable = healthy.length > 0 ? healthy : degraded;
    const share = (100 * (healthy.length + degraded.length)) / Math.max(1, all.length);
    this.#panic = share < this.config.healthyPanicThreshold;
    const [first, ...rest] = this.#panic ? all : usable;
    const { lbPolicy, choiceCount } = this.config;
    const policy = lbPolicy === "clusterProvided" ? "roundRobin" : lbPolicy;
    this.#balancer =
      first === undefined
        ? undefined
        : createBalancer({ policy, choiceCount }, [first, ...rest], this.context.random);
    this.stats.membership(all.length, healthy.length, degraded.length, 0);
  }

  #forgetOldest(): void {
    for (const [key, host] of this.#hosts) {
      host.pool.drain();
      this.#hosts.delete(key);
      return;
    }
  }
}

/** Endpoints, limits and balancing may change in place; how connections are made may not. */
function sameTransport(a: Cluster, b: Cluster): boolean {
  const fixed = ({ loadAssignment: _l, thresholds: _t, lbPolicy: _p, ...rest }: Cluster) =>
    JSON.stringify({ ...rest, choiceCount: 0, healthyPanicThreshold: 0, origin: undefined });
  return a === b || fixed(a) === fixed(b);
}

function endpointOf(address: Address): Endpoint {
  return { address, hostname: "", health: "healthy", weight: 1, workload: undefined };
}
