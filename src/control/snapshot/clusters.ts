import { socketAddress } from "../../model/address.ts";
import { ENVOY_BALANCING } from "../../model/balance/balancing.ts";
import type {
  Cluster,
  DiscoveryType,
  RetryBudget,
  RetryRate,
  Thresholds,
} from "../../model/cluster.ts";
import { UNLIMITED } from "../../model/cluster.ts";
import type { LocalitySettings, PolicyBlocks } from "../../model/destination-policy.ts";
import { type Endpoint, type LocalityEndpoints, NO_LOCALITY } from "../../model/endpoint.ts";
import type { Service, ServicePort } from "../../model/mesh.ts";
import type { Origin } from "../../model/origin.ts";
import { NO_BLOCKS } from "../../model/precedence/policy.ts";
import { HTTP1_DEFAULTS, HTTP2_DEFAULTS } from "../../model/transport/http2.ts";
import { DNS_DEFAULTS, type DnsOptions } from "../../model/upstream/dns.ts";
import { balancingOf } from "./balance/policy.ts";
import { assignmentOf, loadAssignment } from "./endpoints.ts";
import type { ClusterTransport } from "./mutual-tls/transport.ts";
import { BLACK_HOLE_CLUSTER, outboundClusterName, PASSTHROUGH_CLUSTER } from "./names.ts";
import { AS_CLIENT, outboundProtocol } from "./upstream-protocol.ts";

const HOUR_MS = 3_600_000;
/** Istio's mesh default, where Envoy's would be 5 s. */
const CONNECT_TIMEOUT_MS = 10_000;
/** As Istio asks: its `dnsRefreshRate`, unless answers say how long they hold. */
const DNS: DnsOptions = {
  ...DNS_DEFAULTS,
  // AUTO would prefer addresses of IPv6, which nobody may be able to reach.
  family: "v4Preferred",
  refreshRateMs: 60_000,
  respectTtl: true,
};

/**
 * Ours, where Istio allows 2^32-1 retries: at most a fifth of the requests in flight may be
 * retries, and never fewer than three, so that a slow backend is not drowned by them.
 */
const RETRY_BUDGET: RetryBudget = { budgetPercent: 20, minRetryConcurrency: 3 };

/**
 * Beside it, for our own proxies: where answers come fast there is hardly anything in flight, and
 * the three alone would let every request be retried. Ten a second are Linkerd's reserve: whoever
 * asks little is not held back by shares.
 */
const RETRY_RATE: RetryRate = { percent: 20, minPerSecond: 10, windowMs: 1000 };

/** The settings that all of our clusters share, before a service or a policy says more. */
export function clusterDefaults(name: string): Cluster {
  return {
    name,
    statName: "",
    discovery: "static",
    edsServiceName: "",
    lbPolicy: "roundRobin",
    choiceCount: 2,
    balancing: ENVOY_BALANCING,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    thresholds: thresholdsOf(NO_BLOCKS),
    loadAssignment: undefined,
    dns: DNS_DEFAULTS,
    idleTimeoutMs: HOUR_MS,
    maxRequestsPerConnection: 0,
    maxConnectionDurationMs: 0,
    bindAddress: undefined,
    tcpKeepalive: undefined,
    protocol: "http1",
    http1: HTTP1_DEFAULTS,
    http2: HTTP2_DEFAULTS,
    tls: undefined,
    proxyProtocol: undefined,
    healthChecks: [],
    healthyPanicThreshold: 50,
    origin: undefined,
    service: undefined,
  };
}

export function passthroughCluster(name: string = PASSTHROUGH_CLUSTER): Cluster {
  return {
    ...clusterDefaults(name),
    ...AS_CLIENT,
    discovery: "originalDst",
    lbPolicy: "clusterProvided",
  };
}

/** Has no endpoints: refuses whatever is sent to it. */
export function blackHoleCluster(): Cluster {
  return {
    ...clusterDefaults(BLACK_HOLE_CLUSTER),
    loadAssignment: loadAssignment(BLACK_HOLE_CLUSTER, []),
  };
}

export interface OutboundClusterInput {
  readonly service: Service;
  readonly port: ServicePort;
  /** Empty: the whole service. */
  readonly subset: string;
  readonly blocks: PolicyBlocks;
  readonly discovery: DiscoveryType;
  /** Explicit mode: no original destination is known, and sockets start at this address. */
  readonly explicitAddress: string | undefined;
  /** What DNS clusters carry. */
  readonly localities: readonly LocalityEndpoints[];
  /** How they are reached. */
  readonly transport: ClusterTransport;
  /** What made them. */
  readonly locality: LocalitySettings | undefined;
  readonly origin: Origin;
}

export function outboundCluster(input: OutboundClusterInput): Cluster {
  const { service, port, blocks, discovery, explicitAddress } = input;
  const name = outboundClusterName(port.port, input.subset, service.host);
  return {
    ...withPolicy(clusterDefaults(name), blocks),
    ...outboundProtocol(port.protocol, blocks.connectionPool),
    discovery,
    ...balancingOf(discovery, service, blocks, input.locality),
    ...input.transport,
    dns: isDns(discovery) ? DNS : DNS_DEFAULTS,
    loadAssignment: isDns(discovery) ? assignmentOf(name, dnsLocalities(input)) : undefined,
    bindAddress: explicitAddress === undefined ? undefined : socketAddress(explicitAddress, 0),
    origin: input.origin,
    service: { host: service.host, name: service.name, namespace: service.namespace },
  };
}

/** Limits, timeouts and keep-alive as a DestinationRule's blocks say, Istio's defaults else. */
export function withPolicy(cluster: Cluster, blocks: PolicyBlocks): Cluster {
  const pool = blocks.connectionPool;
  return {
    ...cluster,
    thresholds: thresholdsOf(blocks),
    connectTimeoutMs: pool?.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    idleTimeoutMs: pool?.httpIdleTimeoutMs ?? pool?.tcpIdleTimeoutMs ?? HOUR_MS,
    maxRequestsPerConnection: pool?.maxRequestsPerConnection ?? 0,
    maxConnectionDurationMs: pool?.maxConnectionDurationMs ?? 0,
    tcpKeepalive: pool?.tcpKeepalive,
  };
}

function thresholdsOf(blocks: PolicyBlocks): Thresholds {
  const pool = blocks.connectionPool;
  const retryBudget = retryBudgetOf(blocks);
  return {
    maxConnections: pool?.maxConnections ?? UNLIMITED,
    maxPendingRequests: pool?.maxPendingRequests ?? UNLIMITED,
    maxRequests: pool?.maxRequests ?? UNLIMITED,
    maxRetries: pool?.maxRetries ?? UNLIMITED,
    retryBudget,
    retryRate: retryBudget === RETRY_BUDGET ? RETRY_RATE : blocks.retryBudget?.rate,
    trackRemaining: true,
  };
}

/** A written budget holds; a written `maxRetries` holds instead of our budget. */
function retryBudgetOf(blocks: PolicyBlocks): RetryBudget | undefined {
  const { retryBudget, connectionPool } = blocks;
  if (retryBudget !== undefined) {
    const { percent, minRetryConcurrency } = retryBudget;
    return { budgetPercent: percent, minRetryConcurrency };
  }
  return connectionPool?.maxRetries === undefined ? RETRY_BUDGET : undefined;
}

/**
 * In explicit mode only a host outside the registry is sent where the client said. The address of
 * a Service is served by kube-proxy, which takes a pod by chance, and here by nobody: PASSTHROUGH
 * to one does as kube-proxy does.
 */
export function discoveryOf(
  service: Service,
  blocks: PolicyBlocks,
  explicit: boolean,
): DiscoveryType {
  const passesThrough = blocks.loadBalancer?.algorithm === "passthrough";
  const isServed = service.selector === undefined;
  const asAddressed = service.headless || (passesThrough && isServed);
  if (service.resolution === "none" || (asAddressed && !explicit)) return "originalDst";
  if (service.resolution === "dns") return "strictDns";
  return service.resolution === "dnsRoundRobin" ? "logicalDns" : "eds";
}

function isDns(discovery: DiscoveryType): boolean {
  return discovery === "strictDns" || discovery === "logicalDns";
}

/** A DNS entry without endpoints asks for its own host. */
function dnsLocalities(input: OutboundClusterInput): readonly LocalityEndpoints[] {
  if (input.localities.length > 0) return input.localities;
  const { service, port } = input;
  const target = typeof port.targetPort === "number" ? port.targetPort : port.port;
  const endpoint: Endpoint = {
    address: socketAddress(service.host, target),
    hostname: service.host,
    hashKey: "",
    health: "healthy",
    weight: 1,
    workload: undefined,
  };
  return [{ locality: NO_LOCALITY, priority: 0, weight: 0, endpoints: [endpoint] }];
}
