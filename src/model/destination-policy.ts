import type { RingHashOptions, SlowStart } from "./balance/balancing.ts";
import type { HashPolicy } from "./balance/hash-policy.ts";
import type { RetryRate, TcpKeepalive } from "./cluster.ts";
import type { Labels } from "./mesh.ts";
import type { Origin } from "./origin.ts";

/**
 * How requests to a host are balanced and limited: an Istio DestinationRule. Which one holds for
 * a client is decided by `model/precedence.ts` (client's, service's, root namespace; exact host
 * before wildcard).
 */
export interface DestinationPolicy {
  /** FQDN, or a wildcard as `*.default.svc.cluster.local`. */
  readonly host: string;
  readonly namespace: string;
  readonly name: string;
  readonly exportTo: readonly string[];
  /** Client pods that it holds for (`workloadSelector`); undefined: all. */
  readonly selector: Labels | undefined;
  readonly traffic: TrafficPolicy;
  readonly subsets: readonly Subset[];
  readonly creationTimestamp: string;
  readonly origin: Origin;
}

export interface Subset {
  readonly name: string;
  /** Pods of the host that carry these labels. */
  readonly labels: Labels;
  /** Blocks that are set replace the policy's own, block by block. */
  readonly traffic: TrafficPolicy;
  readonly origin: Origin;
}

/** The blocks of a policy; undefined blocks inherit, or take the mesh's default. */
export interface TrafficPolicy extends PolicyBlocks {
  /** By service port; a match replaces all blocks, the omitted ones by defaults. */
  readonly ports: readonly PortPolicy[];
}

export interface PortPolicy extends PolicyBlocks {
  readonly port: number;
}

export interface PolicyBlocks {
  readonly loadBalancer: LoadBalancerSettings | undefined;
  readonly connectionPool: ConnectionPoolSettings | undefined;
  readonly retryBudget: RetryBudgetSettings | undefined;
  readonly outlierDetection: OutlierSettings | undefined;
  /** Left out: what endpoints ask for. */
  readonly tls?: TlsSettings | undefined;
}

/** `passthrough` sends to the address that the client asked for. */
export type LoadBalancerAlgorithm =
  | "roundRobin"
  | "leastRequest"
  | "random"
  | "ringHash"
  | "maglev"
  | "peakEwma"
  | "passthrough";

export interface LoadBalancerSettings {
  /** Undefined: as the service itself says, else the mesh's default. */
  readonly algorithm: LoadBalancerAlgorithm | undefined;
  /** RING_HASH and MAGLEV: by what requests are told apart; empty for the others. */
  readonly hashPolicies: readonly HashPolicy[];
  readonly minimumRingSize: RingHashOptions["minimumRingSize"] | undefined;
  readonly maglevTableSize: number | undefined;
  readonly slowStart: SlowStart | undefined;
  readonly locality: LocalitySettings | undefined;
  readonly origin: Origin;
}

/** Settings that say no more than an algorithm. */
export function plainLoadBalancer(
  algorithm: LoadBalancerAlgorithm,
  origin: Origin,
): LoadBalancerSettings {
  return {
    algorithm,
    hashPolicies: [],
    minimumRingSize: undefined,
    maglevTableSize: undefined,
    slowStart: undefined,
    locality: undefined,
    origin,
  };
}

/** Istio: LocalityLoadBalancerSetting. Places are `region/zone/subzone`, `*` for the rest. */
export interface LocalitySettings {
  readonly enabled: boolean;
  /** Shares of the traffic that comes from a place, by place; percent. */
  readonly distribute: readonly {
    readonly from: string;
    readonly to: Readonly<Record<string, number>>;
  }[];
  /** Regions: where the traffic of one goes when it has nobody left. */
  readonly failover: readonly { readonly from: string; readonly to: string }[];
  /** Labels; endpoints that share more of the first of them with the client come first. */
  readonly failoverPriority: readonly string[];
}

/**
 * Istio: OutlierDetection. Its presence turns locality failover on. Undefined fields take the
 * defaults of Envoy's `OutlierDetection`; failures in a row of 0 eject nobody.
 */
export interface OutlierSettings {
  readonly consecutive5xxErrors: number | undefined;
  /** Undefined: nobody is ejected for these. */
  readonly consecutiveGatewayErrors: number | undefined;
  /** Failures to reach an endpoint count apart from its answers. */
  readonly splitsLocalOrigin: boolean;
  /** Only where they are split. */
  readonly consecutiveLocalOriginFailures: number | undefined;
  readonly intervalMs: number | undefined;
  readonly baseEjectionTimeMs: number | undefined;
  readonly maxEjectionPercent: number | undefined;
  /** The panic threshold; Istio's default 0: never. */
  readonly minHealthPercent: number;
}

/** Istio: ClientTLSSettings. Empty texts are not set. */
export interface TlsSettings {
  readonly mode: "disable" | "simple" | "mutual" | "istioMutual";
  /** Empty: the cluster's name under `istioMutual`, else the host. */
  readonly sni: string;
  /** Empty: the service accounts' under `istioMutual`, else the host. */
  readonly subjectAltNames: readonly string[];
  /** Paths on the client's machine, PEM. */
  readonly clientCertificate: string;
  readonly privateKey: string;
  /** Empty: those of the client's machine. */
  readonly caCertificates: string;
  readonly caCrl: string;
  /** A Kubernetes Secret of the client's namespace, in the place of the paths. */
  readonly credentialName: string;
  readonly insecureSkipVerify: boolean;
  readonly origin: Origin;
}

/** Undefined fields take Istio's defaults (unlimited; connect 10 s; idle 1 h). */
export interface ConnectionPoolSettings {
  readonly maxConnections: number | undefined;
  readonly connectTimeoutMs: number | undefined;
  readonly maxConnectionDurationMs: number | undefined;
  readonly tcpIdleTimeoutMs: number | undefined;
  readonly tcpKeepalive: TcpKeepalive | undefined;
  readonly maxPendingRequests: number | undefined;
  readonly maxRequests: number | undefined;
  readonly maxRequestsPerConnection: number | undefined;
  readonly maxRetries: number | undefined;
  readonly httpIdleTimeoutMs: number | undefined;
  /** `h2UpgradePolicy: UPGRADE`: HTTP/2 towards endpoints, whatever the port's name says. */
  readonly upgradesToHttp2: boolean;
  /** Endpoints are spoken to as the client speaks; stronger than the port's protocol. */
  readonly useClientProtocol: boolean;
  /** Of one HTTP/2 connection. */
  readonly maxConcurrentStreams: number | undefined;
  readonly http2Keepalive: Http2Keepalive | undefined;
  readonly origin: Origin;
}

/** PINGs of an idle HTTP/2 connection. */
export interface Http2Keepalive {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

export interface RetryBudgetSettings {
  /** 0..100. */
  readonly percent: number;
  readonly minRetryConcurrency: number;
  /** Holds beside them, for our own proxies; left out: none. */
  readonly rate?: RetryRate | undefined;
}
