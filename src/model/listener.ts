import type { Address } from "./address.ts";
import type { ExtAuthz } from "./filter/ext-authz.ts";
import type { HttpFault } from "./filter/fault.ts";
import type { JwtAuthn } from "./filter/jwt-authn.ts";
import type { LocalRateLimit, TokenBucketSize } from "./filter/local-rate-limit.ts";
import type { NetworkRbac, Rbac } from "./filter/rbac.ts";
import type { StatefulSession } from "./filter/stateful-session.ts";
import type { AccessLog } from "./log/access-log.ts";
import type { Origin } from "./origin.ts";
import type { RouteConfiguration } from "./route.ts";
import type { ForwardClientCert } from "./transport/client-certificate.ts";
import type { Http1Options, Http2Options } from "./transport/http2.ts";
import type { ProxyProtocolVersion } from "./transport/proxy-protocol.ts";
import type { DownstreamTls } from "./transport/tls.ts";

/** Where routes come from: written in place, or asked for by name. */
export type RouteSource =
  | { readonly kind: "inline"; readonly config: RouteConfiguration }
  | { readonly kind: "rds"; readonly name: string };

/** Envoy's and our own HTTP filters that are executed. The router is always last. */
export type HttpFilter =
  | { readonly kind: "router" }
  | CorsFilter
  | ExtAuthzFilter
  | FaultFilter
  | GrpcWebFilter
  | JwtAuthnFilter
  | LocalRateLimitFilter
  | RbacFilter
  | StatefulSession
  | TelemetryFilter;

/** Envoy: filters.http.cors.v3.Cors; routes and virtual hosts say what is allowed. */
export interface CorsFilter {
  readonly kind: "cors";
}

/** Envoy: filters.http.ext_authz.v3.ExtAuthz; routes may show the server more, or go without. */
export interface ExtAuthzFilter {
  readonly kind: "extAuthz";
  readonly authz: ExtAuthz;
}

/** Envoy: filters.http.fault.v3.HTTPFault; routes may have faults of their own in its place. */
export interface FaultFilter {
  readonly kind: "fault";
  readonly fault: HttpFault;
}

/** Envoy: filters.http.jwt_authn.v3.JwtAuthentication; routes may ask for something else. */
export interface JwtAuthnFilter {
  readonly kind: "jwtAuthn";
  readonly authn: JwtAuthn;
}

/** Envoy: filters.http.local_ratelimit.v3.LocalRateLimit; routes may have limits of their own. */
export interface LocalRateLimitFilter {
  readonly kind: "localRateLimit";
  readonly limit: LocalRateLimit;
}

/** Envoy: filters.http.rbac.v3.RBAC; several may stand in one chain, each is asked. */
export interface RbacFilter {
  readonly kind: "rbac";
  /** By which routes speak of it; several may have one. Istio's: `envoy.filters.http.rbac`. */
  readonly name: string;
  readonly rbac: Rbac;
}

/** Envoy: filters.http.grpc_web.v3.GrpcWeb: browsers' gRPC-Web becomes gRPC, and back. */
export interface GrpcWebFilter {
  readonly kind: "grpcWeb";
}

/**
 * Our own extension, for Outrigger's data plane only (a real Envoy never gets it): Istio's
 * standard metrics and the exchange of peer metadata. TypedStruct `outrigger.dev/telemetry`.
 */
export interface TelemetryFilter {
  readonly kind: "telemetry";
  /** `outbound` reports as source, `inbound` as destination. */
  readonly direction: "inbound" | "outbound";
}

/** Envoy: HttpConnectionManager.ServerHeaderTransformation. */
export type ServerHeader = "overwrite" | "appendIfAbsent" | "passThrough";

/** Envoy: PathWithEscapedSlashesAction, what becomes of `%2F` and `%5C` in a path. */
export type EscapedSlashes = "keep" | "reject" | "redirect" | "forward";

/** Envoy: HeadersWithUnderscoresAction. */
export type Underscores = "allow" | "reject" | "drop";

/** Envoy: `strip_matching_host_port`, of the listener's own port; `strip_any_host_port`. */
export type StripPort = "none" | "matching" | "any";

/** Envoy: HttpConnectionManager.CodecType; `auto` goes by ALPN, or by the first bytes. */
export type CodecType = "auto" | "http1" | "http2";

/** Envoy: filters.network.http_connection_manager.v3.HttpConnectionManager. */
export interface HttpConnectionManager {
  readonly kind: "http";
  readonly statPrefix: string;
  readonly codec: CodecType;
  readonly http1: Http1Options;
  readonly http2: Http2Options;
  readonly routes: RouteSource;
  readonly httpFilters: readonly HttpFilter[];
  /** Default true. */
  readonly generateRequestId: boolean;
  readonly preserveExternalRequestId: boolean;
  readonly alwaysSetRequestIdInResponse: boolean;
  readonly useRemoteAddress: boolean;
  readonly xffNumTrustedHops: number;
  readonly skipXffAppend: boolean;
  /** Clients there are internal: their `x-envoy-…` headers count. Left out: nobody is. */
  readonly internalRanges?: readonly CidrRange[];
  /** Default `envoy`. */
  readonly serverName: string;
  readonly serverHeader: ServerHeader;
  /** Empty: none. */
  readonly via: string;
  /** Idle between requests; Envoy's default 1 h; 0 disables. */
  readonly idleTimeoutMs: number;
  /** Idle within a request; Envoy's default 5 min; 0 disables. */
  readonly streamIdleTimeoutMs: number;
  /** The whole request must have arrived; default 0, none. */
  readonly requestTimeoutMs: number;
  /** The head must have arrived; default 0, none: our own data plane still bounds it. */
  readonly requestHeadersTimeoutMs: number;
  /** KiB, default 60. */
  readonly maxRequestHeadersKb: number;
  /** Default 100. */
  readonly maxHeadersCount: number;
  /** 0 is unlimited. */
  readonly maxRequestsPerConnection: number;
  /** How old a connection becomes before it drains; 0: any age. */
  readonly maxConnectionDurationMs: number;
  /** Longest time of a stream whose route says nothing of it; 0: none. */
  readonly maxStreamDurationMs: number;
  readonly acceptHttp10: boolean;
  readonly normalizePath: boolean;
  readonly mergeSlashes: boolean;
  readonly escapedSlashes: EscapedSlashes;
  /** Of header names that other parsers may take for the same with a dash. */
  readonly underscores: Underscores;
  /** Lower case, as `websocket`; `connect` allows CONNECT on `connect` routes. */
  readonly upgrades: readonly string[];
  readonly accessLogs: readonly AccessLog[];
  /** How long a draining connection may finish; Envoy's default 5000. */
  readonly drainTimeoutMs: number;
  /**
   * Ours (filter metadata `outrigger` of the listener): the listener is the app's `http_proxy`.
   * A CONNECT is then an interception: its bytes are treated as a redirected connection's.
   */
  readonly explicitProxy: boolean;
  /** Which ports are dropped from Host. */
  readonly stripPort: StripPort;
  /** `a.example.` is `a.example`. */
  readonly stripTrailingHostDot: boolean;
  /** Left out: Envoy's default, SANITIZE. */
  readonly forwardClientCert?: ForwardClientCert;
}

/** Envoy: filters.network.local_ratelimit.v3.LocalRateLimit: how many connections are taken. */
export interface ConnectionLimit {
  readonly statPrefix: string;
  readonly bucket: TokenBucketSize;
}

/** Envoy: filters.network.tcp_proxy.v3.TcpProxy. */
export interface TcpProxy {
  readonly kind: "tcp";
  readonly statPrefix: string;
  readonly clusters: readonly TcpWeightedCluster[];
  /** Default 1 h; 0 disables. */
  readonly idleTimeoutMs: number;
  /** RING_HASH and MAGLEV choose by the client's address; else by chance. */
  readonly hashesSourceIp: boolean;
  /** How long a client's connection may last, busy or not; 0 for ever. */
  readonly maxConnectionDurationMs: number;
  /** How many endpoints are tried before a connection is given up; Envoy's default 1. */
  readonly maxConnectAttempts: number;
  /** What is over it is closed; undefined: none. */
  readonly limit: ConnectionLimit | undefined;
  /** Asked one after the other before anything is connected; left out: none. */
  readonly rbac?: readonly NetworkRbac[];
  /** One line when a connection has ended. */
  readonly accessLogs: readonly AccessLog[];
  /** Our own extension, as `TelemetryFilter`; undefined: none. */
  readonly telemetry: TelemetryFilter | undefined;
}

export interface TcpWeightedCluster {
  readonly cluster: string;
  readonly weight: number;
}

export interface CidrRange {
  readonly address: string;
  readonly prefixLength: number;
}

/** Envoy: listener.v3.FilterChainMatch; an empty list or undefined matches everything. */
export interface FilterChainMatch {
  readonly destinationPort: number | undefined;
  readonly prefixRanges: readonly CidrRange[];
  /** Names in the ClientHello (SNI), exact or `*.suffix`; empty matches everything. */
  readonly serverNames: readonly string[];
  /** `http/1.0`, `http/1.1`, `h2c` as the HTTP inspector finds them; ALPN's of a ClientHello. */
  readonly applicationProtocols: readonly string[];
  /** `raw_buffer` or `tls`; empty matches both. */
  readonly transportProtocol: "" | "raw_buffer" | "tls";
  /** Of the other end of the connection itself, whatever a PROXY protocol header says. */
  readonly directSourcePrefixRanges: readonly CidrRange[];
  /** `sameIpOrLoopback`: the client has this machine's address, or a loopback address. */
  readonly sourceType: "any" | "sameIpOrLoopback" | "external";
  readonly sourcePrefixRanges: readonly CidrRange[];
  readonly sourcePorts: readonly number[];
}

export interface FilterChain {
  readonly name: string;
  readonly match: FilterChainMatch;
  /** Undefined: plain bytes. */
  readonly tls: DownstreamTls | undefined;
  /** The terminal network filter. */
  readonly filter: HttpConnectionManager | TcpProxy;
}

/**
 * Envoy: filters.listener.proxy_protocol.v3.ProxyProtocol. Connections begin with a header that
 * says whose they are; it comes before all inspection.
 */
export interface ProxyProtocolFilter {
  readonly kind: "proxyProtocol";
  /** What begins with anything else is served as it is; else closed. */
  readonly allowWithout: boolean;
  /** Their headers close the connection; with `allowWithout` they are taken for payload. */
  readonly disallowedVersions: readonly ProxyProtocolVersion[];
  /** Stands in the statistics' names; empty for none. */
  readonly statPrefix: string;
}

export type ListenerFilter = "originalDst" | "httpInspector" | "tlsInspector" | ProxyProtocolFilter;

/** Envoy: listener.v3.Listener. */
export interface Listener {
  readonly name: string;
  readonly address: Address;
  /** False: only reached through another listener's `useOriginalDst`. */
  readonly bindToPort: boolean;
  /** Hand a connection to the listener of its original destination. */
  readonly useOriginalDst: boolean;
  readonly direction: "unspecified" | "inbound" | "outbound";
  readonly filterChains: readonly FilterChain[];
  readonly defaultFilterChain: FilterChain | undefined;
  readonly listenerFilters: readonly ListenerFilter[];
  /** How long the inspectors wait for bytes; Envoy's default 15000; 0 waits for ever. */
  readonly listenerFiltersTimeoutMs: number;
  /** After that time go on without what they would have found. */
  readonly continueOnListenerFiltersTimeout: boolean;
  /** One line for each connection when it has closed; left out: none. */
  readonly accessLogs?: readonly AccessLog[];
  readonly origin: Origin | undefined;
}
