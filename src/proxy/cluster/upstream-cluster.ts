import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { Address } from "../../model/address.ts";
import { formatAddress } from "../../model/address.ts";
import type { Cluster } from "../../model/cluster.ts";
import type { ClusterLoadAssignment, Endpoint } from "../../model/endpoint.ts";
import type { OutlierDetection } from "../../model/upstream/outlier-detection.ts";
import { WaitingRoom } from "../accrual/waiting-room.ts";
import type { Hash64 } from "../balance/hash/hash64.ts";
import type { Placed } from "../balance/priority/host-set.ts";
import { Resolution } from "../dns/resolution.ts";
import type { Resolve } from "../dns/resolver.ts";
import type { Faults } from "../faults.ts";
import { HealthChecker } from "../health/health-checker.ts";
import type { Limits } from "../limits/limits.ts";
import type { RateThresholds } from "../outlier/success-rate.ts";
import type { Overload } from "../overload/overload.ts";
import type { ClusterStats } from "../telemetry/envoy/cluster-stats.ts";
import type { SslStats } from "../telemetry/envoy/tls/ssl-stats.ts";
import type { Destination, Direction } from "../telemetry/standard/destination.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { ClientContext } from "../tls/client-context.ts";
import type { TlsContexts } from "../tls/tls-contexts.ts";
import { Host } from "./host.ts";
import { allAtOnce, HostBalance } from "./host-balance.ts";
import { judgesOf } from "./host-judges.ts";
import type { HostJudge } from "./host-monitor.ts";
import { LOGICAL, listed } from "./listed-endpoints.ts";
import { deniedPort, type OwnPort } from "./own-port.ts";
import { sameAssignment } from "./same-assignment.ts";
import { type SocketLabels, sameTransport, TransportChoice } from "./transport-choice.ts";

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
  readonly ownPort?: OwnPort | undefined;
  /** What finds the outliers among a cluster's hosts. */
  readonly outliersOf: (cluster: UpstreamCluster, config: OutlierDetection) => HostJudge;
  /** What all workers share of a cluster's failure accrual; left out, undefined: nothing. */
  readonly accrualOf?: (cluster: string) => Int32Array<SharedArrayBuffer> | undefined;
}

/** Hosts to passed-through addresses are forgotten when so many others have come. */
const ORIGINAL_DST_HOSTS_MAX = 1024;

/** Workloads come and go under one cluster; what is forgotten here is made again. */
const DESTINATIONS_MAX = 1024;

/** Picks after one of a host that is shut. */
const OTHER_PICKS = 3;

/** A group of endpoints that serve the same thing, at work. */
export class UpstreamCluster {
  readonly context: ProxyContext;
  readonly stats: ClusterStats;
  readonly limits: Limits;
  readonly transports: TransportChoice;
  /** A port of this machine that it may not connect to; 0 for none. */
  readonly deniedPort: number;
  readonly outbound: Destination;
  readonly inbound: Destination;
  config: Cluster;
  readonly #destinations = new Map<string, Destination>();
  #hosts = new Map<string, Host>();
  readonly #balance: HostBalance;
  #assignment: ClusterLoadAssignment | undefined;
  #drained = false;
  #unwatch: readonly (() => void)[] = [];
  #resolution: Resolution | undefined;
  #checker: HealthChecker | undefined;
  #judges: readonly HostJudge[] = [];
  /** Where requests wait while nobody is ready; undefined where they do not. */
  readonly waiting: WaitingRoom | undefined;

  /** Nothing goes on by itself before it begins: it may be given up before. */
  constructor(config: Cluster, context: ProxyContext) {
    this.config = config;
    this.context = context;
    this.transports = new TransportChoice(config, context.tls);
    this.stats = context.telemetry.cluster(config.statName === "" ? config.name : config.statName);
    this.waiting = this.#waitingRoomOf(config);
    this.#balance = new HostBalance(this.stats, context, () => this.waiting?.onHosts());
    this.deniedPort = deniedPort(context.ownPort, config.name);
    this.limits = context.limitsOf(config);
    this.outbound = this.destinationOf("outbound", undefined);
    this.inbound = this.destinationOf("inbound", undefined);
  }

  /** It serves from now on, until it drains. */
  begin(): void {
    const { config, transports } = this;
    const { contexts } = transports;
    this.limits.listen(() => this.#yieldConnection());
    this.stats.watchLimits(this.limits, config.thresholds.trackRemaining);
    // New files and secrets make new connections, also for those that have been idle.
    this.#unwatch = contexts.flatMap((tls) => [
      this.tlsStats.follow(tls),
      tls.onRenewed(() => this.#drainHosts(tls)),
    ]);
    this.#checker = this.#checkerOf(config);
    this.#judges = judgesOf(this);
    this.#discover();
  }

  get name(): string {
    return this.config.name;
  }

  get tlsStats(): SslStats {
    return this.context.telemetry.clusterTls(this.stats.name);
  }

  /** Of its outlier detection, if it has one that is judged on this thread. */
  get rateThresholds(): RateThresholds | undefined {
    return this.#judges.find(({ rateThresholds }) => rateThresholds !== undefined)?.rateThresholds;
  }

  get hosts(): readonly Host[] {
    return [...this.#hosts.values()];
  }

  /** By a hash of the request. */
  get choosesByHash(): boolean {
    const { lbPolicy } = this.config;
    return lbPolicy === "ringHash" || lbPolicy === "maglev";
  }

  /** True where the configuration may be taken over without new connections. */
  canBecome(config: Cluster): boolean {
    return sameTransport(this.config, config);
  }

  /** Where its names are, as the one before it knows them; else nobody would be there at first. */
  resolvedBy(before: UpstreamCluster | undefined): ClusterLoadAssignment | undefined {
    if (before === undefined || before === this || !isNamed(this.config)) return undefined;
    return namesOf(before.config) === namesOf(this.config) ? before.#assignment : undefined;
  }

  /** Takes over a configuration that it can become. */
  update(config: Cluster): void {
    const before = this.config;
    if (before === config) return;
    this.config = config;
    this.limits.change(config.thresholds);
    this.stats.watchLimits(this.limits, config.thresholds.trackRemaining);
    if (config.discovery === "originalDst") return;
    const names = isNamed(config) ? config.loadAssignment : undefined;
    if (names !== undefined && !sameAssignment(names, before.loadAssignment)) this.#discover();
    else if (this.assignmentIn(config) === undefined) this.#balance.renew(config);
  }

  /**
   * The endpoints that such a configuration brings along and that are not here yet; undefined
   * where it brings none, or they come from discovery.
   */
  assignmentIn(config: Cluster): ClusterLoadAssignment | undefined {
    const { discovery, loadAssignment } = config;
    if (discovery === "eds" || isNamed(config) || loadAssignment === undefined) return undefined;
    return sameAssignment(loadAssignment, this.#assignment) ? undefined : loadAssignment;
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
    const swap = yield* this.#prepareHosts(assignment, config);
    return () => {
      this.#assignment = assignment;
      swap();
    };
  }

  /** A host for a request, undefined where there is none; see `Balancer.pick`. */
  pick(hash: Hash64, attempt: number): Host | undefined {
    const host = this.#balance.pick(hash, attempt);
    if (host === undefined || this.waiting === undefined) return host;
    return host.isShut ? this.#pickOther(hash, attempt) : host;
  }

  /** Hosts may be shut that the choice, which is built in slices, still knows as ready. */
  #pickOther(hash: Hash64, attempt: number): Host | undefined {
    for (let more = 1; more <= OTHER_PICKS; more++) {
      const host = this.#balance.pick(hash, attempt + more);
      if (host === undefined || !host.isShut) return host;
    }
    return undefined;
  }

  /** The health of some host has changed. */
  renewBalance(): void {
    if (this.config.discovery === "originalDst") this.stats.health(this.#healthyHosts, 0);
    else this.#balance.renew(this.config);
  }

  /** The host of an address that a session names, where sessions may keep to it. */
  pickForSession(address: string): Host | undefined {
    const logical = this.#hosts.get(LOGICAL);
    const host = logical?.text === address ? logical : this.#hosts.get(address);
    host?.gate?.sync();
    const isAllowed =
      host !== undefined && this.config.balancing.sessionStatuses.includes(host.health);
    return isAllowed ? host : undefined;
  }

  /** ORIGINAL_DST: the host that the connection wanted to reach. */
  pickAddress(address: Address): Host {
    const key = formatAddress(address);
    let host = this.#hosts.get(key);
    if (host === undefined) {
      if (this.#hosts.size >= ORIGINAL_DST_HOSTS_MAX) this.#forgetOldest();
      host = new Host(this, endpointOf(address), this.transports.for(undefined, undefined));
      host.retired = this.#drained;
      this.#hosts.set(key, host);
      this.stats.membership(this.#hosts.size, this.#healthyHosts, 0, 0);
      this.#followHosts();
    }
    return host;
  }

  get #healthyHosts(): number {
    let healthy = this.#hosts.size;
    if (this.#judges.length === 0) return healthy;
    for (const host of this.#hosts.values()) if (host.health !== "healthy") healthy--;
    return healthy;
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

  /**
   * No new requests come: what is idle closes, what is busy finishes. Those who wait go on once it
   * is clear where (`waiting`).
   */
  drain(): void {
    this.#drained = true;
    this.#resolution?.stop();
    this.#balance.stop();
    this.#checker?.stop();
    for (const judge of this.#judges) judge.stop();
    for (const unwatch of this.#unwatch) unwatch();
    for (const host of this.#hosts.values()) host.retire();
    this.limits.close();
  }

  #drainHosts(tls: ClientContext): void {
    for (const host of this.#hosts.values()) if (host.transport.tls === tls) host.drain();
  }

  #discover(): void {
    this.#resolution?.stop();
    this.#resolution = undefined;
    const { discovery, dns, loadAssignment } = this.config;
    if (loadAssignment === undefined || !isNamed(this.config)) return;
    this.#resolution = new Resolution(loadAssignment, {
      dns,
      logical: discovery === "logicalDns",
      context: this.context,
      stats: this.stats,
      onAddresses: (assignment) => allAtOnce(this.prepare(assignment, this.config))(),
    });
  }

  *#prepareHosts(assignment: ClusterLoadAssignment, config: Cluster): Generator<void, () => void> {
    const before = this.#hosts;
    const hosts = new Map<string, Host>();
    const placed: Placed<Host>[] = [];
    for (const { endpoint, labels, priority, locality, place } of listed(assignment)) {
      const key = this.#keyOf(endpoint);
      if (hosts.has(key)) continue;
      const host = this.#hostOf(endpoint, labels, before.get(key));
      host.update(endpoint);
      host.key = key;
      host.priority = priority;
      host.locality = locality;
      hosts.set(key, host);
      placed.push({ host, priority, locality: place });
      yield;
    }
    const gone: Host[] = [];
    for (const [key, host] of before) {
      if (hosts.get(key) !== host) gone.push(host);
      yield;
    }
    const { overprovisioningFactor } = assignment;
    const swap = yield* this.#balance.prepare({ placed, overprovisioningFactor }, config);
    return () => {
      this.#use(hosts, swap);
      for (const host of gone) host.retire();
    };
  }

  /**
   * The one that is there already, unless it is now reached by another transport, or not at all:
   * what a policy forbids goes out on no connection of before either.
   */
  #hostOf(endpoint: Endpoint, labels: SocketLabels, before: Host | undefined): Host {
    const transport = this.transports.for(endpoint.transportSocketMatch, labels);
    const forbidden = endpoint.unreachable !== undefined;
    const wasForbidden = before?.endpoint.unreachable !== undefined;
    if (before?.transport === transport && forbidden === wasForbidden) return before;
    const host = new Host(this, endpoint, transport);
    if (before !== undefined) host.succeed(before);
    return host;
  }

  /** The one endpoint of a logical name keeps its connections wherever that moves, as in Envoy. */
  #keyOf({ address }: Endpoint): string {
    return this.config.discovery === "logicalDns" ? LOGICAL : formatAddress(address);
  }

  #use(hosts: Map<string, Host>, swap: () => void): void {
    this.#hosts = hosts;
    this.stats.membership(hosts.size, 0, 0, 0);
    swap();
    this.#checker?.follow(hosts.values());
    this.#followHosts();
  }

  #followHosts(): void {
    if (this.#drained) return;
    for (const judge of this.#judges) judge.follow(this.#hosts.values());
  }

  #onCheckPassed(host: Host): void {
    for (const judge of this.#judges) judge.onCheckPassed?.(host);
  }

  #waitingRoomOf({ failureAccrual }: Cluster): WaitingRoom | undefined {
    if (failureAccrual === undefined) return undefined;
    const { clock, telemetry } = this.context;
    const isReady = () =>
      this.hosts.some(({ health }) => health === "healthy" || health === "degraded");
    return new WaitingRoom(this.name, clock, telemetry.accrual(this.stats.name), isReady);
  }

  /** The model allows one. */
  #checkerOf({ healthChecks: [check] }: Cluster): HealthChecker | undefined {
    if (check === undefined) return undefined;
    const onPassed = (host: Host) => this.#onCheckPassed(host);
    return new HealthChecker(this, check, { onChange: () => this.renewBalance(), onPassed });
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

function namesOf({ discovery, dns, loadAssignment }: Cluster): string {
  return JSON.stringify([discovery, dns, loadAssignment]);
}

/** Its endpoints are names. */
function isNamed({ discovery }: Cluster): boolean {
  return discovery === "strictDns" || discovery === "logicalDns";
}

function endpointOf(address: Address): Endpoint {
  return { address, hostname: "", hashKey: "", health: "healthy", weight: 1, workload: undefined };
}
