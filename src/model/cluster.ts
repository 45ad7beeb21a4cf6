import type { SocketAddress } from "./address.ts";
import type { BalancingOptions, LbPolicy } from "./balance/balancing.ts";
import type { ClusterLoadAssignment } from "./endpoint.ts";
import type { Origin } from "./origin.ts";
import type { CircuitBreaker } from "./resilience/circuit-breaker.ts";
import type { Http1Options, Http2Options } from "./transport/http2.ts";
import type { ProxyProtocolVersion } from "./transport/proxy-protocol.ts";
import type { UpstreamTls } from "./transport/tls.ts";
import type { DnsOptions } from "./upstream/dns.ts";
import type { FailureAccrual } from "./upstream/failure-accrual.ts";
import type { HealthCheck } from "./upstream/health-check.ts";
import type { OutlierDetection } from "./upstream/outlier-detection.ts";

/** Envoy: cluster.v3.Cluster.DiscoveryType. */
export type DiscoveryType = "static" | "eds" | "strictDns" | "logicalDns" | "originalDst";

/** Envoy: cluster.v3.CircuitBreakers.Thresholds of DEFAULT priority. Counts. */
export interface Thresholds {
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  readonly maxRequests: number;
  readonly maxRetries: number;
  /** Replaces `maxRetries` where present. */
  readonly retryBudget: RetryBudget | undefined;
  /** Holds beside them; our own proxies alone. Left out: none. */
  readonly retryRate?: RetryRate | undefined;
  /** Envoy's `track_remaining`: publish the `remaining_*` gauges. */
  readonly trackRemaining: boolean;
}

/** Envoy: Thresholds.RetryBudget: retries may be this share of the requests in flight. */
export interface RetryBudget {
  /** 0..100. */
  readonly budgetPercent: number;
  readonly minRetryConcurrency: number;
}

/**
 * Retries over time, as Finagle and Linkerd budget them: what is in flight says little where
 * answers come fast. Travels as filter metadata `outrigger.retry_rate`.
 */
export interface RetryRate {
  /** Of the window's requests that may be retried; 0..1000. */
  readonly percent: number;
  /** So many retries are allowed however few requests there are. */
  readonly minPerSecond: number;
  readonly windowMs: number;
}

/** Envoy's own defaults (Istio raises all four to 2^32-1). */
export const ENVOY_THRESHOLDS: Thresholds = {
  maxConnections: 1024,
  maxPendingRequests: 1024,
  maxRequests: 1024,
  maxRetries: 3,
  retryBudget: undefined,
  trackRemaining: false,
};

/** What Istio emits where no DestinationRule says otherwise. */
export const UNLIMITED = 4_294_967_295;

export interface TcpKeepalive {
  readonly probes: number | undefined;
  readonly timeS: number | undefined;
  readonly intervalS: number | undefined;
}

/**
 * Protocol towards the endpoints (Envoy: HttpProtocolOptions): explicit, the one that the client
 * speaks (`use_downstream_protocol_config`), or what ALPN settles on (`auto_config`, HTTP/1.1
 * without an answer).
 */
export type UpstreamProtocol = "http1" | "http2" | "downstream" | "alpn";

/** Envoy: cluster.v3.Cluster.TransportSocketMatch. */
export interface TransportSocketMatch {
  readonly name: string;
  /** What an endpoint's `transportSocketMatch` must have; empty: every endpoint. */
  readonly match: Readonly<Record<string, string>>;
  /** Undefined: plain TCP. */
  readonly tls: UpstreamTls | undefined;
}

/** A group of endpoints that serve the same thing (Envoy: cluster.v3.Cluster). */
export interface Cluster {
  readonly name: string;
  /** Envoy's `alt_stat_name`; empty means the name. */
  readonly statName: string;
  readonly discovery: DiscoveryType;
  /** EDS: the name to ask for; empty means the cluster's. */
  readonly edsServiceName: string;
  readonly lbPolicy: LbPolicy;
  /** LEAST_REQUEST: how many draws; Envoy's default 2. */
  readonly choiceCount: number;
  readonly balancing: BalancingOptions;
  readonly connectTimeoutMs: number;
  readonly thresholds: Thresholds;
  /** Static and DNS clusters carry their endpoints. */
  readonly loadAssignment: ClusterLoadAssignment | undefined;
  /** Of clusters whose endpoints are names. */
  readonly dns: DnsOptions;
  /** Upstream pool: how long an idle connection is kept; 0 never closes. Envoy's default 1 h. */
  readonly idleTimeoutMs: number;
  /** 0 is unlimited, 1 is no keep-alive. */
  readonly maxRequestsPerConnection: number;
  /** 0 is unlimited. */
  readonly maxConnectionDurationMs: number;
  /** Address to bind upstream sockets to (`upstream_bind_config`). */
  readonly bindAddress: SocketAddress | undefined;
  readonly tcpKeepalive: TcpKeepalive | undefined;
  readonly protocol: UpstreamProtocol;
  readonly http1: Http1Options;
  readonly http2: Http2Options;
  /** Undefined: plain TCP. */
  readonly tls: UpstreamTls | undefined;
  /** The first that an endpoint matches takes the place of `tls`; left out: none. */
  readonly transportSocketMatches?: readonly TransportSocketMatch[];
  /** Each connection begins with a header that says for whom it is, before TLS; else undefined. */
  readonly proxyProtocol: ProxyProtocolVersion | undefined;
  /** Empty: endpoints are as healthy as discovery says. At most one is executed. */
  readonly healthChecks: readonly HealthCheck[];
  /** Left out: hosts are not judged by their answers. */
  readonly outlierDetection?: OutlierDetection | undefined;
  /** Linkerd's way to judge them; our own proxies alone. Left out: none. */
  readonly failureAccrual?: FailureAccrual | undefined;
  /** Of calls to any of its endpoints; our own proxies alone. Left out: none. */
  readonly circuit?: CircuitBreaker | undefined;
  /** Envoy's panic threshold, 0..100, default 50. */
  readonly healthyPanicThreshold: number;
  /** originalDst: take the destination from `x-envoy-original-dst-host`. Refused so far. */
  readonly origin: Origin | undefined;
  /** What Istio's metrics call the destination; filter metadata `istio.services[0]`. */
  readonly service: ServiceLabels | undefined;
}

/** Every TLS context that connections to the endpoints may use. */
export function tlsContextsOf({
  tls,
  transportSocketMatches = [],
}: Pick<Cluster, "tls" | "transportSocketMatches">): readonly UpstreamTls[] {
  return [tls, ...transportSocketMatches.map((match) => match.tls)].flatMap((one) => one ?? []);
}

/** Istio's destination service as its metrics name it. */
export interface ServiceLabels {
  /** FQDN. */
  readonly host: string;
  readonly name: string;
  readonly namespace: string;
}
