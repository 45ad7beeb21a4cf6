import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { Address } from "../../model/address.ts";
import { formatAddress } from "../../model/address.ts";
import type { Cluster } from "../../model/cluster.ts";
import type { ClusterLoadAssignment, Endpoint } from "../../model/endpoint.ts";
import { type Balancer, createBalancer } from "../balance/balancer.ts";
import { Resolution } from "../dns/resolution.ts";
import type { Resolve } from "../dns/resolver.ts";
import type { Faults } from "../faults.ts";
import { HealthChecker } from "../health/health-checker.ts";
import type { Limits } from "../limits/limits.ts";
import type { Overload } from "../overload/overload.ts";
import type { ClusterStats } from "../telemetry/envoy/cluster-stats.ts";
import type { SslStats } from "../telemetry/envoy/tls/ssl-stats.ts";
import type { Destination, Direction } from "../telemetry/standard/destination.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { ClientContext } from "../tls/client-context.ts";
import type { TlsContexts } from "../tls/tls-contexts.ts";
import { Host } from "./host.ts";
import { sameAssignment } from "./same-assignment.ts";

/** What every cluster and connection needs of the program around it. */
export interface ProxyContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly resolve: Resolve;
  readonly faults: Faults;
  /** Offer other Outrigger sidecars to carry connections, and carry theirs (carry/protocol.ts). */
  readonly carrying: boolean;
  readonly tls: TlsContexts;
  /** What holds a new cluster to its thresholds. */
  readonly limitsOf: (cluster: Cluster) => Limits;
  readonly overload: Overload;
}

/** Hosts to passed-through addresses are forgotten when so many others have come. */
const ORIGINAL_DST_HOSTS_MAX = 1024;

/** Workloads come and go under one cluster; what is forgotten here is made again. */
const DESTINATIONS_MAX = 1024;

/** A group of endpoints that serve the same thing, at work. */
export class UpstreamCluster {
  readonly context: ProxyContext;
  readonly stats: ClusterStats;
  readonly limits: Limits;
  /** Undefined: plain TCP. */
  readonly tls: ClientContext | undefined;
  readonly outbound: Destination;
  readonly inbound: Destination;
  config: Cluster;
  readonly #destinations = new Map<string, Destination>();
  #hosts = new Map<string, Host>();
  #balancer: Balancer<Host> | undefined;
  #assignment: ClusterLoadAssignment | undefined;
  readonly #unwatch: (() => void) | undefined;
  #panic = false;
  #resolution: Resolution | undefined;
  readonly #checker: HealthChecker | undefined;

  constructor(config: Cluster, context: ProxyContext) {
    this.config = config;
    this.context = context;
    this.tls = config.tls === undefined ? undefined : context.tls.client(config.tls);
    this.stats = context.telemetry.cluster(config.statName === "" ? config.name : config.statName);
    this.limits = context.limitsOf(config);
    this.limits.listen(() => this.#yieldConnection());
    this.stats.watchLimits(this.limits, config.thresholds.trackRemaining);
    this.outbound = this.destinationOf("outbound", undefined);
    this.inbound = this.destinationOf("inbound", undefined);
    if (this.tls !== undefined) this.tlsStats.show();
    // New files make new connections, also for those that have been idle.
    this.#unwatch = this.tls?.onRenewed(() => this.#drainHosts());
    this.#checker = this.#checkerOf(config);
    this.#discover();
  }

  get name(): string {
    return this.config.name;
  }

  get tlsStats(): SslStats {
    return this.context.telemetry.clusterTls(this.stats.name);
  }

  get hosts(): readonly Host[] {
    return [...this.#hosts.values()];
  }

  /** True where the configuration may be taken over without new connections. */
  canBecome(config: Cluster): boolean {
    return sameTransport(this.config, config);
  }

  /** Takes over a configuration that it can become. */
  update(config: Cluster): void {
    const before = this.config;
    if (before === config) return;
    this.config = config;
    this.limits.change(config.thresholds);
    this.stats.watchLimits(this.limits, config.thresholds.trackRemaining);
    const moved = JSON.stringify(before.loadAssignment) !== JSON.stringify(config.loadAssignment);
    if (moved) this.#discover();
    else this.#use(this.#hosts, balanceOf([...this.#hosts.values()], config, this.context.random));
  }

  /**
   * Makes ready for these endpoints, under this configuration, with a pause after each of them.
   * What comes back swaps them in at once; hosts that stay keep their connections.
   */
  *prepare(assignment: ClusterLoadAssignment, config: Cluster): Generator<void, () => void> {
    if (sameAssignment(assignment, this.#assignment)) {
      return () => {
        this.#assignment = assignment;
        this.stats.count("update_no_rebuild");
      };
    }
    const swap = yield* this.#prepareHosts(listed(assignment), config);
    return () => {
      this.#assignment = assignment;
      swap();
    };
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

  /** One for all endpoints of a workload. */
  destinationOf(direction: Direction, endpoint: Endpoint | undefined): Destination {
    const workload = endpoint?.workload;
    const key = `${direction} ${workload === undefined ? "" : Object.values(workload).join(" ")}`;
    const known = this.#destinations.get(key);
    if (known !== undefined) return known;
    const { name: clusterName, service } = this.config;
    const made = this.context.telemetry.destination({ direction, clusterName, service, workload });
    if (this.#destinations.size >= DESTINATIONS_MAX) this.#destinations.clear();
    this.#destinations.set(key, made);
    return made;
  }

  /** No new requests come: what is idle closes, what is busy finishes. */
  drain(): void {
    this.#resolution?.stop();
    this.#checker?.stop();
    this.#unwatch?.();
    for (const host of this.#hosts.values()) host.retire();
    this.limits.close();
  }

  #drainHosts(): void {
    for (const host of this.#hosts.values()) host.drain();
  }

  #discover(): void {
    this.#resolution?.stop();
    this.#resolution = undefined;
    const { discovery, loadAssignment } = this.config;
    if (loadAssignment === undefined || discovery === "eds") return;
    if (discovery === "strictDns" || discovery === "logicalDns") {
      this.#resolution = new Resolution(loadAssignment, {
        dns: this.config.dns,
        logical: discovery === "logicalDns",
        context: this.context,
        stats: this.stats,
        onAddresses: (assignment) => allAtOnce(this.prepare(assignment, this.config))(),
      });
      return;
    }
    allAtOnce(this.prepare(loadAssignment, this.config))();
  }

  *#prepareHosts(endpoints: readonly Endpoint[], config: Cluster): Generator<void, () => void> {
    const before = this.#hosts;
    const hosts = new Map<string, Host>();
    for (const endpoint of endpoints) {
      const key = formatAddress(endpoint.address);
      const host = before.get(key);
      host?.update(endpoint);
      hosts.set(key, host ?? new Host(this, endpoint));
      yield;
    }
    const gone: Host[] = [];
    for (const [key, host] of before) {
      if (!hosts.has(key)) gone.push(host);
      yield;
    }
    const balance = balanceOf([...hosts.values()], config, this.context.random);
    yield;
    return () => {
      this.#use(hosts, balance);
      for (const host of gone) host.retire();
    };
  }

  #use(hosts: Map<string, Host>, balance: Balance): void {
    this.#hosts = hosts;
    this.stats.membership(hosts.size, balance.healthy, balance.degraded, 0);
    this.#balance(balance);
    if (this.#checker === undefined) return;
    // Hosts' health may have changed since the balance was drawn up.
    this.#checker.follow(hosts.values());
    this.#rebalance();
  }

  #balance({ balancer, panic, healthy, degraded }: Balance): void {
    this.#balancer = balancer;
    this.#panic = panic;
    this.stats.health(healthy, degraded);
  }

  #rebalance(): void {
    this.#balance(balanceOf(this.hosts, this.config, this.context.random));
  }

  /** The model allows one. */
  #checkerOf({ healthChecks: [check] }: Cluster): HealthChecker | undefined {
    if (check === undefined) return undefined;
    return new HealthChecker(this, check, () => this.#rebalance());
  }

  /** A pool of some worker has no connection, and the threshold allows no more. */
  #yieldConnection(): void {
    for (const host of this.#hosts.values()) if (host.yieldConnection()) return;
  }

  #forgetOldest(): void {
    for (const [key, host] of this.#hosts) {
      host.retire();
      this.#hosts.delete(key);
      return;
    }
  }
}

interface Balance {
  /** Undefined where there is nobody. */
  readonly balancer: Balancer<Host> | undefined;
  readonly panic: boolean;
  readonly healthy: number;
  readonly degraded: number;
}

/** Whom to balance over: the healthy hosts, or all of them in a panic. */
function balanceOf(all: readonly Host[], config: Cluster, random: Random): Balance {
  const healthy = all.filter((host) => host.health === "healthy");
  const degraded = all.filter((host) => host.health === "degraded");
  const usable = healthy.length > 0 ? healthy : degraded;
  const share = (100 * (healthy.length + degraded.length)) / Math.max(1, all.length);
  const panic = share < config.healthyPanicThreshold;
  const hosts = panic ? all : usable;
  const { lbPolicy, choiceCount } = config;
  const policy = lbPolicy === "leastRequest" || lbPolicy === "random" ? lbPolicy : "roundRobin";
  return {
    balancer: hasHosts(hosts) ? createBalancer({ policy, choiceCount }, hosts, random) : undefined,
    panic,
    healthy: healthy.length,
    degraded: degraded.length,
  };
}

function hasHosts(hosts: readonly Host[]): hosts is readonly [Host, ...Host[]] {
  return hosts.length > 0;
}

/** The endpoints of the first priority; the others are not used. */
function listed(assignment: ClusterLoadAssignment): readonly Endpoint[] {
  return assignment.localities
    .filter(({ priority }) => priority === 0)
    .flatMap(({ endpoints }) => endpoints);
}

function allAtOnce<T>(steps: Generator<void, T>): T {
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}

/** Endpoints, limits and balancing may change in place; how connections are made may not. */
export function sameTransport(a: Cluster, b: Cluster): boolean {
  const fixed = ({ loadAssignment: _l, thresholds: _t, lbPolicy: _p, ...rest }: Cluster) =>
    JSON.stringify({ ...rest, choiceCount: 0, healthyPanicThreshold: 0, origin: undefined });
  return a === b || fixed(a) === fixed(b);
}

function endpointOf(address: Address): Endpoint {
  return { address, hostname: "", hashKey: "", health: "healthy", weight: 1, workload: undefined };
}
