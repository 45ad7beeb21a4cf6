import type { ConnectionPoolSettings } from "../../model/destination-policy.ts";
import type {
  FilterChain,
  FilterChainMatch,
  HttpConnectionManager,
  RouteSource,
  TcpProxy,
  TcpWeightedCluster,
} from "../../model/listener.ts";
import type { ForwardClientCert } from "../../model/transport/client-certificate.ts";
import { HTTP1_DEFAULTS, HTTP2_DEFAULTS } from "../../model/transport/http2.ts";

const HOUR_MS = 3_600_000;

export const MATCH_ALL: FilterChainMatch = {
  destinationPort: undefined,
  prefixRanges: [],
  serverNames: [],
  applicationProtocols: [],
  transportProtocol: "",
  directSourcePrefixRanges: [],
  sourceType: "any",
  sourcePrefixRanges: [],
  sourcePorts: [],
};

/** What the HTTP inspector must find for a connection to be HTTP. */
export const MATCH_HTTP: FilterChainMatch = {
  ...MATCH_ALL,
  applicationProtocols: ["http/1.0", "http/1.1", "h2c"],
  transportProtocol: "raw_buffer",
};

type Direction = "inbound" | "outbound";

/** The settings that Istio's sidecars use: no idle timeout within a request, websockets pass. */
export function httpManager(
  direction: Direction,
  statPrefix: string,
  routes: RouteSource,
): HttpConnectionManager {
  return {
    kind: "http",
    statPrefix,
    codec: "auto",
    http1: HTTP1_DEFAULTS,
    http2: HTTP2_DEFAULTS,
    routes,
    httpFilters: [{ kind: "telemetry", direction }, { kind: "router" }],
    generateRequestId: true,
    preserveExternalRequestId: false,
    alwaysSetRequestIdInResponse: false,
    useRemoteAddress: false,
    xffNumTrustedHops: 0,
    skipXffAppend: false,
    serverName: direction === "inbound" ? "istio-envoy" : "envoy",
    serverHeader: "overwrite",
    via: "",
    idleTimeoutMs: HOUR_MS,
    streamIdleTimeoutMs: 0,
    requestTimeoutMs: 0,
    requestHeadersTimeoutMs: 0,
    maxRequestHeadersKb: 60,
    maxHeadersCount: 100,
    maxRequestsPerConnection: 0,
    maxConnectionDurationMs: 0,
    maxStreamDurationMs: 0,
    acceptHttp10: true,
    normalizePath: true,
    mergeSlashes: false,
    escapedSlashes: "keep",
    underscores: "allow",
    upgrades: ["websocket"],
    accessLogs: [],
    drainTimeoutMs: 5000,
    explicitProxy: false,
    stripPort: "none",
    stripTrailingHostDot: false,
    ...(direction === "inbound" ? { forwardClientCert: TELL_OF_CLIENT } : {}),
  };
}

/** As Istio's sidecars tell apps who calls; without mutual TLS nobody is told anything. */
const TELL_OF_CLIENT: ForwardClientCert = {
  mode: "appendForward",
  details: { subject: true, cert: false, chain: false, dns: true, uri: true },
};

/** What a DestinationRule says of how long connections last. */
export type TcpTimes = Pick<ConnectionPoolSettings, "tcpIdleTimeoutMs" | "maxConnectionDurationMs">;

export function tcpProxy(
  direction: Direction,
  clusters: readonly TcpWeightedCluster[],
  pool?: TcpTimes,
): TcpProxy {
  const statPrefix = clusters[0]?.cluster ?? "";
  return {
    kind: "tcp",
    statPrefix,
    clusters,
    idleTimeoutMs: pool?.tcpIdleTimeoutMs ?? HOUR_MS,
    hashesSourceIp: false,
    maxConnectionDurationMs: pool?.maxConnectionDurationMs ?? 0,
    maxConnectAttempts: 1,
    limit: undefined,
    accessLogs: [],
    telemetry: { kind: "telemetry", direction },
  };
}

/** A TCP chain to one cluster. */
export function tcpChain(
  name: string,
  match: FilterChainMatch,
  direction: Direction,
  cluster: string,
  pool?: TcpTimes,
): FilterChain {
  const filter = tcpProxy(direction, [{ cluster, weight: 1 }], pool);
  return { name, match, tls: undefined, filter };
}
