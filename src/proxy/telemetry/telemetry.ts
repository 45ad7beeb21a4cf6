import type { Registry } from "../../metrics/registry.ts";
import type { Table } from "../../metrics/table.ts";
import { type Address, formatAddress } from "../../model/address.ts";
import type { Node } from "../../model/bootstrap.ts";
import type { WorkloadLabels } from "../../model/endpoint.ts";
import { AccrualStats } from "../accrual/accrual-stats.ts";
import { type AccrualTables, accrualTables } from "../accrual/accrual-tables.ts";
import { type CircuitTables, circuitTables } from "../circuit/circuit-tables.ts";
import { RefusedRequests } from "../listener/refused/refused-requests.ts";
import { ClusterStats } from "./envoy/cluster-stats.ts";
import { type ClusterTables, clusterTables } from "./envoy/cluster-tables.ts";
import { Http1Stats } from "./envoy/codec/http1-stats.ts";
import { statSegment } from "./envoy/columns.ts";
import {
  ConnectionLimitStats,
  connectionLimitTable,
} from "./envoy/filter/connection-limit-stats.ts";
import { CorsStats, corsTable } from "./envoy/filter/cors-stats.ts";
import { ExtAuthzStats, extAuthzTable } from "./envoy/filter/ext-authz-stats.ts";
import { FaultStats, faultTable } from "./envoy/filter/fault-stats.ts";
import { JwtStats, jwtTable } from "./envoy/filter/jwt-stats.ts";
import { RateLimitStats, rateLimitTable } from "./envoy/filter/rate-limit-stats.ts";
import {
  type RbacPrefixes,
  RbacStats,
  type RbacTables,
  rbacTables,
} from "./envoy/filter/rbac-stats.ts";
import { HttpStats } from "./envoy/http-stats.ts";
import { type HttpTables, httpTables } from "./envoy/http-tables.ts";
import { Http2Stats } from "./envoy/http2-stats.ts";
import { InspectorStats } from "./envoy/listener-filter/inspector-stats.ts";
import {
  ProxyProtocolStats,
  type ProxyProtocolTables,
  proxyProtocolTables,
} from "./envoy/listener-filter/proxy-protocol-stats.ts";
import { ListenerStats } from "./envoy/listener-stats.ts";
import { type ListenerTables, listenerTables } from "./envoy/listener-tables.ts";
import { TcpStats, tcpTable } from "./envoy/tcp-stats.ts";
import { SslStats, type SslTables, sslTables } from "./envoy/tls/ssl-stats.ts";
import { Destination, type DestinationOptions } from "./standard/destination.ts";
import { PeerReader } from "./standard/peer-metadata.ts";
import { type StandardTables, standardTables } from "./standard/tables.ts";
import { workloadOfNode } from "./standard/workload.ts";

/**
 * Hands out what the request path counts into. One per proxy; asked while a configuration is
 * compiled, never on a request. Asking twice for one name gives the same object, so counters go on
 * from one generation of the configuration to the next.
 */
export class Telemetry {
  readonly registry: Registry;
  /** This proxy's own workload, the source of outbound and destination of inbound requests. */
  readonly own: WorkloadLabels;
  readonly peers: PeerReader = new PeerReader();
  /** Of all clients' connections. */
  readonly http1: Http1Stats;
  readonly http2: Http2Stats;
  readonly refused: RefusedRequests = new RefusedRequests();
  readonly circuits: CircuitTables;
  readonly #clusterTables: ClusterTables;
  readonly #httpTables: HttpTables;
  readonly #listenerTables: ListenerTables;
  readonly #standardTables: StandardTables;
  /** Of all listeners. */
  readonly inspectors: InspectorStats;
  readonly #proxyProtocolTables: ProxyProtocolTables;
  readonly #proxyProtocols = new Map<string, ProxyProtocolStats>();
  readonly #tcpTable: Table;
  readonly #tcps = new Map<string, TcpStats>();
  readonly #rateLimitTable: Table;
  readonly #connectionLimitTable: Table;
  readonly #rateLimits = new Map<string, RateLimitStats>();
  readonly #rbacTables: RbacTables;
  readonly #corsTable: Table;
  readonly #extAuthzTable: Table;
  readonly #faultTable: Table;
  readonly #jwtTable: Table;
  readonly #accrualTables: AccrualTables;
  readonly #accruals = new Map<string, AccrualStats>();
  readonly #cors = new Map<string, CorsStats>();
  readonly #clusterTlsTables: SslTables;
  readonly #clusterTls = new Map<string, SslStats>();
  readonly #listenerTlsTables: SslTables;
  readonly #listenerTls = new Map<string, SslStats>();
  readonly #clusters = new Map<string, ClusterStats>();
  readonly #https = new Map<string, HttpStats>();
  readonly #listeners = new Map<string, ListenerStats>();

  /** `version`: of this program, for `istio_build`. */
  constructor(registry: Registry, node: Node, version: string) {
    this.registry = registry;
    this.own = workloadOfNode(node);
    this.#clusterTables = clusterTables(registry);
    this.circuits = circuitTables(registry);
    this.#clusterTlsTables = sslTables(registry, "cluster", statSegment);
    this.#listenerTlsTables = sslTables(registry, "listener", statSegment);
    this.#httpTables = httpTables(registry);
    this.http1 = new Http1Stats(registry);
    this.http2 = new Http2Stats(registry);
    this.#listenerTables = listenerTables(registry);
    this.#standardTables = standardTables(registry, version);
    this.#tcpTable = tcpTable(registry);
    this.inspectors = new InspectorStats(registry);
    this.#proxyProtocolTables = proxyProtocolTables(registry);
    this.#corsTable = corsTable(registry);
    this.#rbacTables = rbacTables(registry);
    this.#extAuthzTable = extAuthzTable(registry);
    this.#faultTable = faultTable(registry);
    this.#jwtTable = jwtTable(registry);
    this.#accrualTables = accrualTables(registry);
    this.#rateLimitTable = rateLimitTable(registry);
    this.#connectionLimitTable = connectionLimitTable(registry);
    registry.onCollect(() => {
      for (const cluster of this.#clusters.values()) cluster.collect();
    });
  }

  /** By Envoy's statistics name: `alt_stat_name` where set, else the cluster's name. */
  cluster(statName: string): ClusterStats {
    let stats = this.#clusters.get(statName);
    if (stats === undefined) {
      stats = new ClusterStats(statName, this.#clusterTables);
      this.#clusters.set(statName, stats);
    }
    return stats;
  }

  removeCluster(statName: string): void {
    this.#clusters.get(statName)?.remove();
    this.#clusters.delete(statName);
    this.#clusterTls.get(statName)?.remove();
    this.#clusterTls.delete(statName);
    this.#accruals.get(statName)?.remove();
    this.#accruals.delete(statName);
  }

  /** Failure accrual of a cluster's endpoints, by its statistics name. */
  accrual(statName: string): AccrualStats {
    let stats = this.#accruals.get(statName);
    if (stats === undefined) {
      stats = new AccrualStats(this.#accrualTables, statName);
      this.#accruals.set(statName, stats);
    }
    return stats;
  }

  /** TLS towards a cluster, by its statistics name. */
  clusterTls(statName: string): SslStats {
    let stats = this.#clusterTls.get(statName);
    if (stats === undefined) {
      stats = new SslStats(statName, this.#clusterTlsTables);
      this.#clusterTls.set(statName, stats);
    }
    return stats;
  }

  /** By the connection manager's `stat_prefix`. */
  http(statPrefix: string): HttpStats {
    let stats = this.#https.get(statPrefix);
    if (stats === undefined) {
      stats = new HttpStats(statPrefix, this.#httpTables);
      this.#https.set(statPrefix, stats);
    }
    return stats;
  }

  /** CORS filters, by the connection manager's `stat_prefix`. */
  cors(statPrefix: string): CorsStats {
    let stats = this.#cors.get(statPrefix);
    if (stats === undefined) {
      stats = new CorsStats(statPrefix, this.#corsTable);
      this.#cors.set(statPrefix, stats);
    }
    return stats;
  }

  /** By the connection manager's prefix and the filter's own. */
  extAuthz(statPrefix: string, own: string): ExtAuthzStats {
    return new ExtAuthzStats(statPrefix, own, this.#extAuthzTable);
  }

  /** Fault filters, by the connection manager's `stat_prefix`. */
  fault(statPrefix: string): FaultStats {
    return new FaultStats(statPrefix, this.#faultTable);
  }

  /** JWT filters, by the connection manager's `stat_prefix`. */
  jwt(statPrefix: string): JwtStats {
    return new JwtStats(statPrefix, this.#jwtTable);
  }

  /** Local rate limits, by their own `stat_prefix`. */
  rateLimit(statPrefix: string): RateLimitStats {
    let stats = this.#rateLimits.get(statPrefix);
    if (stats === undefined) {
      stats = new RateLimitStats(statPrefix, this.#rateLimitTable);
      this.#rateLimits.set(statPrefix, stats);
    }
    return stats;
  }

  /** Limits of TCP connections, likewise. */
  connectionLimit(statPrefix: string): ConnectionLimitStats {
    return new ConnectionLimitStats(statPrefix, this.#connectionLimitTable);
  }

  /** RBAC filters of HTTP; `statPrefix` is the connection manager's. */
  rbac(prefixes: RbacPrefixes): RbacStats {
    return new RbacStats(prefixes, this.#rbacTables, "http");
  }

  /** RBAC filters of TCP, by their own prefixes. */
  networkRbac(prefixes: RbacPrefixes): RbacStats {
    return new RbacStats(prefixes, this.#rbacTables, "tcp");
  }

  /** By the TCP proxy's `stat_prefix`. */
  tcp(statPrefix: string): TcpStats {
    let stats = this.#tcps.get(statPrefix);
    if (stats === undefined) {
      stats = new TcpStats(statPrefix, this.#tcpTable);
      this.#tcps.set(statPrefix, stats);
    }
    return stats;
  }

  /** By the PROXY protocol filter's `stat_prefix`. */
  proxyProtocol(statPrefix: string): ProxyProtocolStats {
    let stats = this.#proxyProtocols.get(statPrefix);
    if (stats === undefined) {
      stats = new ProxyProtocolStats(statPrefix, this.#proxyProtocolTables);
      this.#proxyProtocols.set(statPrefix, stats);
    }
    return stats;
  }

  /** By the address that the configuration names. */
  listener(address: Address): ListenerStats {
    const name = statSegment(formatAddress(address));
    let stats = this.#listeners.get(name);
    if (stats === undefined) {
      stats = new ListenerStats(name, this.#listenerTables);
      this.#listeners.set(name, stats);
    }
    return stats;
  }

  removeListener(address: Address): void {
    const name = statSegment(formatAddress(address));
    this.#listeners.get(name)?.remove();
    this.#listeners.delete(name);
    this.#listenerTls.get(name)?.remove();
    this.#listenerTls.delete(name);
  }

  /** TLS that a listener terminates, by the address that the configuration names. */
  listenerTls(address: Address): SslStats {
    const name = statSegment(formatAddress(address));
    let stats = this.#listenerTls.get(name);
    if (stats === undefined) {
      stats = new SslStats(name, this.#listenerTlsTables);
      this.#listenerTls.set(name, stats);
    }
    return stats;
  }

  /** Istio's metrics towards one endpoint, or a cluster before its endpoint is known. */
  destination(options: DestinationOptions): Destination {
    return new Destination(this.#standardTables, this.own, options);
  }
}
