import type { Snapshot } from "../../src/control/server/snapshot-source.ts";
import { type SocketAddress, socketAddress } from "../../src/model/address.ts";
import { ENVOY_BALANCING } from "../../src/model/balance/balancing.ts";
import { type Cluster, ENVOY_THRESHOLDS } from "../../src/model/cluster.ts";
import {
  type ClusterLoadAssignment,
  NO_LOCALITY,
  OVERPROVISIONING_FACTOR,
} from "../../src/model/endpoint.ts";
import { NO_FILTER_CONFIGS } from "../../src/model/filter/filter-configs.ts";
import type { HttpConnectionManager, Listener } from "../../src/model/listener.ts";
import { NO_MUTATIONS, type Route, type RouteConfiguration } from "../../src/model/route.ts";
import { HTTP1_DEFAULTS, HTTP2_DEFAULTS } from "../../src/model/transport/http2.ts";
import { DNS_DEFAULTS } from "../../src/model/upstream/dns.ts";

/** Small whole resources for tests of xDS: one listener, its routes, clusters with endpoints. */

export function edsCluster(name: string, changes: Partial<Cluster> = {}): Cluster {
  return {
    name,
    statName: "",
    discovery: "eds",
    edsServiceName: "",
    lbPolicy: "roundRobin",
    choiceCount: 2,
    balancing: ENVOY_BALANCING,
    connectTimeoutMs: 5000,
    thresholds: ENVOY_THRESHOLDS,
    loadAssignment: undefined,
    dns: DNS_DEFAULTS,
    idleTimeoutMs: 3_600_000,
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
    ...changes,
  };
}

export function assignment(clusterName: string, ports: readonly number[]): ClusterLoadAssignment {
  const endpoints = ports.map((port) => ({
    address: socketAddress("127.0.0.1", port),
    hostname: "",
    hashKey: "",
    health: "healthy" as const,
    weight: 1,
    workload: undefined,
  }));
  const localities = [{ locality: NO_LOCALITY, priority: 0, weight: 0, endpoints }];
  return { clusterName, localities, overprovisioningFactor: OVERPROVISIONING_FACTOR };
}

export function routeTo(cluster: string, prefix = "/"): Route {
  return {
    name: "",
    match: {
      path: { kind: "prefix", value: prefix, caseSensitive: true },
      headers: [],
      queryParameters: [],
    },
    action: {
      kind: "forward",
      clusters: [
        {
          cluster,
          weight: 1,
          requestHeaders: NO_MUTATIONS,
          responseHeaders: NO_MUTATIONS,
          hostRewrite: "",
        },
      ],
      timeoutMs: 15_000,
      idleTimeoutMs: undefined,
      retryPolicy: undefined,
      hashPolicies: [],
      prefixRewrite: undefined,
      regexRewrite: undefined,
      hostRewrite: undefined,
      hostRewriteFrom: undefined,
      autoHostRewrite: false,
      appendForwardedHost: false,
      maxStreamDurationMs: undefined,
      grpcTimeoutHeaderMaxMs: undefined,
      grpcTimeoutMaxMs: undefined,
      terminatesConnect: false,
      clusterNotFoundStatus: 503,
      mirrors: [],
    },
    requestHeaders: NO_MUTATIONS,
    responseHeaders: NO_MUTATIONS,
    filterConfigs: NO_FILTER_CONFIGS,
    origin: undefined,
  };
}

export function routes(name: string, list: readonly Route[]): RouteConfiguration {
  return {
    name,
    virtualHosts: [
      {
        name: "all",
        domains: ["*"],
        routes: list,
        requestHeaders: NO_MUTATIONS,
        responseHeaders: NO_MUTATIONS,
        retryPolicy: undefined,
        includeRequestAttemptCount: false,
        includeAttemptCountInResponse: false,
        filterConfigs: NO_FILTER_CONFIGS,
      },
    ],
    ignorePortInHostMatching: false,
    requestHeaders: NO_MUTATIONS,
    responseHeaders: NO_MUTATIONS,
    maxDirectResponseBodyBytes: 4096,
    filterConfigs: NO_FILTER_CONFIGS,
  };
}

function manager(routeName: string): HttpConnectionManager {
  return {
    kind: "http",
    statPrefix: "in",
    codec: "auto",
    http1: HTTP1_DEFAULTS,
    http2: HTTP2_DEFAULTS,
    routes: { kind: "rds", name: routeName },
    httpFilters: [{ kind: "router" }],
    generateRequestId: true,
    preserveExternalRequestId: false,
    alwaysSetRequestIdInResponse: false,
    useRemoteAddress: false,
    xffNumTrustedHops: 0,
    skipXffAppend: false,
    serverName: "envoy",
    serverHeader: "overwrite",
    via: "",
    idleTimeoutMs: 3_600_000,
    streamIdleTimeoutMs: 300_000,
    requestTimeoutMs: 0,
    requestHeadersTimeoutMs: 0,
    maxRequestHeadersKb: 60,
    maxHeadersCount: 100,
    maxRequestsPerConnection: 0,
    acceptHttp10: false,
    normalizePath: false,
    mergeSlashes: false,
    escapedSlashes: "keep",
    underscores: "allow",
    upgrades: [],
    accessLogs: [],
    maxConnectionDurationMs: 0,
    maxStreamDurationMs: 0,
    drainTimeoutMs: 5000,
    explicitProxy: false,
    stripPort: "none",
    stripTrailingHostDot: false,
  };
}

export function httpListener(name: string, address: SocketAddress, routeName: string): Listener {
  return {
    name,
    address,
    bindToPort: true,
    useOriginalDst: false,
    direction: "outbound",
    filterChains: [
      {
        name: "",
        match: {
          destinationPort: undefined,
          prefixRanges: [],
          serverNames: [],
          applicationProtocols: [],
          transportProtocol: "",
          directSourcePrefixRanges: [],
          sourceType: "any",
          sourcePrefixRanges: [],
          sourcePorts: [],
        },
        tls: undefined,
        filter: manager(routeName),
      },
    ],
    defaultFilterChain: undefined,
    listenerFilters: [],
    listenerFiltersTimeoutMs: 15_000,
    continueOnListenerFiltersTimeout: false,
    origin: undefined,
  };
}

/** A listener on `port` that forwards everything to one cluster with these endpoints. */
export function oneClusterSnapshot(
  version: string,
  port: number,
  cluster: string,
  endpointPorts: readonly number[],
): Snapshot {
  return {
    version,
    listeners: [httpListener("in", socketAddress("127.0.0.1", port), "routes")],
    routes: [routes("routes", [routeTo(cluster)])],
    clusters: [edsCluster(cluster)],
    endpoints: [assignment(cluster, endpointPorts)],
  };
}
