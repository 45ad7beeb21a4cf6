import type { HttpVersion } from "../../codec/http/message.ts";
import { type Address, formatAddress } from "../../model/address.ts";
import {
  type Endpoint,
  type HealthStatus,
  type Locality,
  NO_LOCALITY,
} from "../../model/endpoint.ts";
import type { PeakEwma } from "../balance/peak-ewma.ts";
import type { Member } from "../balance/priority/host-set.ts";
import { NO_RATES, type SuccessRates } from "../outlier/success-rate.ts";
import type { Destination } from "../telemetry/standard/destination.ts";
import { type EndpointPools, poolsOf, tcpOpenerOf } from "../upstream/endpoint-pools.ts";
import { type ProxiedClient, ProxiedHosts } from "../upstream/proxied-hosts.ts";
import type { RequestPool } from "../upstream/request-pool.ts";
import type { TcpOpener } from "../upstream/tcp/tcp-connection.ts";
import { TcpPool } from "../upstream/tcp/tcp-pool.ts";
import { BothMonitors, type HostGate, type HostMonitor } from "./host-monitor.ts";
import { sameWorkload } from "./same-assignment.ts";
import type { HostTransport } from "./transport-choice.ts";
import type { UpstreamCluster } from "./upstream-cluster.ts";

/** One endpoint of a cluster and the connections to it, for as long as its address is listed. */
export class Host implements Member {
  readonly cluster: UpstreamCluster;
  /** How its connections are made; with another transport it is another host. */
  readonly transport: HostTransport;
  /** Where new connections go; it changes where the name of a logical cluster moves. */
  address: Address;
  /** `127.0.0.1:9000`. */
  text: string;
  /** What its cluster knows it by, wherever it moves: its address, but for logical names. */
  key: string;
  /** Most endpoints of a large mesh are never asked anything: made when one is. */
  #pools: EndpointPools | undefined;
  #tcp: TcpOpener | undefined;
  #connectPool: TcpPool | undefined;
  #proxied: ProxiedHosts | undefined;
  /** What connections begin with where they are for one client (PROXY protocol). */
  proxyHead: Buffer | undefined;
  endpoint: Endpoint;
  weight: number;
  /** Where discovery has put it. */
  priority = 0;
  locality: Locality = NO_LOCALITY;
  activeRequests = 0;
  /** Connections of TCP proxies, and of CONNECT requests that end here. */
  tcpConnections = 0;
  /** By the clock; below 0: it is not, or nobody has seen it yet. A slow start counts from here. */
  healthySinceMs = -1;
  /** What hashing knows it by. */
  hashKey = "";
  /** What PEAK_EWMA knows of it; undefined with other policies. */
  rtt: PeakEwma | undefined;
  /** Nobody picks it any more: connections that become idle close. */
  retired = false;
  /** What active health checks say; at first, where there are some, that nothing is known. */
  failedCheck: boolean;
  /** They pass, and say that the host would rather not be asked. */
  degradedCheck = false;
  /** The last of them had no answer in time. */
  checkTimedOut = false;
  /** Out for a while by outlier detection (Envoy: FAILED_OUTLIER_CHECK). */
  ejected = false;
  /** What outlier detection has seen of it in its last interval. */
  rates: SuccessRates = NO_RATES;
  /** Out for a while by failure accrual, or on probation with a request. */
  shut = false;
  /** Asked before it is picked, where other threads may have shut it; else undefined. */
  gate: HostGate | undefined;
  /** Told of each try; undefined where nobody judges the hosts of the cluster. */
  monitor: HostMonitor | undefined;
  /** Istio's metrics towards this endpoint, by direction of the listener. */
  outbound: Destination;
  inbound: Destination;

  constructor(cluster: UpstreamCluster, endpoint: Endpoint, transport: HostTransport) {
    this.cluster = cluster;
    this.transport = transport;
    this.address = endpoint.address;
    this.text = formatAddress(endpoint.address);
    this.key = this.text;
    this.endpoint = endpoint;
    this.weight = endpoint.weight;
    const unchecked = endpoint.check?.disabled === true;
    this.failedCheck = cluster.config.healthChecks.length > 0 && !unchecked;
    this.outbound = cluster.destinationOf("outbound", endpoint);
    this.inbound = cluster.destinationOf("inbound", endpoint);
  }

  /** By discovery, active checks and what was seen of it (Envoy: Host::coarseHealth). */
  get health(): HealthStatus {
    if (this.failedCheck || this.ejected || this.shut) return "unhealthy";
    const { health } = this.endpoint;
    return this.degradedCheck && health === "healthy" ? "degraded" : health;
  }

  /** As other threads know as well. */
  get isShut(): boolean {
    this.gate?.sync();
    return this.shut;
  }

  /** From now on this one is told of each try, beside those that are already. */
  watch(monitor: HostMonitor): void {
    const known = this.monitor;
    this.monitor = known === undefined ? monitor : new BothMonitors(known, monitor);
  }

  /** The pool for requests that came in this version of HTTP. */
  poolFor(version: HttpVersion): RequestPool {
    this.#pools ??= poolsOf(this);
    return version === 20 ? this.#pools.http2 : this.#pools.http1;
  }

  /** The same endpoint, for the connections of one client: where PROXY protocol is spoken. */
  speakingFor(client: ProxiedClient): Host {
    this.#proxied ??= this.#proxiedHosts();
    return this.#proxied.for(client);
  }

  #proxiedHosts(): ProxiedHosts {
    return new ProxiedHosts(this.transport.proxyProtocol ?? "v1", (head) => {
      const host = new Host(this.cluster, this.endpoint, this.transport);
      host.proxyHead = head;
      return host;
    });
  }

  /** Opens connections for bytes of any protocol. */
  get tcp(): TcpOpener {
    this.#tcp ??= tcpOpenerOf(this);
    return this.#tcp;
  }

  /** The pool for CONNECT requests of which only the payload goes upstream. */
  get connectPool(): RequestPool {
    this.#connectPool ??= new TcpPool(this);
    return this.#connectPool;
  }

  /** Connections that are open or being opened. */
  get connections(): number {
    const others = this.tcpConnections + (this.#proxied?.connections ?? 0);
    if (this.#pools === undefined) return others;
    const { http1, http2 } = this.#pools;
    return others + (http1 === http2 ? http1.size : http1.size + http2.size);
  }

  /** Gives up a connection that is wanted elsewhere; false where it has none to give. */
  yieldConnection(): boolean {
    if (this.#proxied?.yieldConnection() === true) return true;
    if (this.#pools === undefined) return false;
    const { http1, http2 } = this.#pools;
    return http1.yieldConnection() || http2.yieldConnection();
  }

  /** Idle connections close now, busy ones after their requests. */
  drain(): void {
    const pools = this.#pools;
    pools?.http1.drain();
    if (pools?.http2 !== pools?.http1) pools?.http2.drain();
    this.#tcp?.drain();
    this.#proxied?.drain();
  }

  /** Its address is no longer listed, or its cluster has gone. */
  retire(): void {
    this.retired = true;
    this.drain();
    this.#proxied?.retire();
  }

  /** Takes the place of the same endpoint with another transport, as well as that one was. */
  succeed(before: Host): void {
    this.failedCheck = before.failedCheck;
    this.degradedCheck = before.degradedCheck;
    this.checkTimedOut = before.checkTimedOut;
    this.ejected = before.ejected;
    this.shut = before.shut;
    this.healthySinceMs = before.healthySinceMs;
    this.rtt = before.rtt;
  }

  /** The same endpoint with other properties. */
  update(endpoint: Endpoint): void {
    this.address = endpoint.address;
    this.text = formatAddress(endpoint.address);
    const moved = !sameWorkload(endpoint.workload, this.endpoint.workload);
    this.endpoint = endpoint;
    this.weight = endpoint.weight;
    if (!moved) return;
    this.outbound = this.cluster.destinationOf("outbound", endpoint);
    this.inbound = this.cluster.destinationOf("inbound", endpoint);
  }
}
