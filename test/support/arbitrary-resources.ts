import fc from "fast-check";
import type { Cluster } from "../../src/model/cluster.ts";
import type {
  FilterChain,
  HttpConnectionManager,
  Listener,
  ListenerFilter,
  TcpProxy,
} from "../../src/model/listener.ts";
import type { ForwardClientCertMode } from "../../src/model/transport/client-certificate.ts";
import { HTTP1_DEFAULTS, HTTP2_DEFAULTS } from "../../src/model/transport/http2.ts";
import { DNS_DEFAULTS, type DnsOptions } from "../../src/model/upstream/dns.ts";
import { accessLogs } from "./arbitrary-access-log.ts";
import { balancing, providedBalancing } from "./arbitrary-balancing.ts";
import { circuit } from "./arbitrary-circuit.ts";
import { address, loadAssignment, socketAddress } from "./arbitrary-endpoints.ts";
import { failureAccrual } from "./arbitrary-failure-accrual.ts";
import { bucket, fault, rateLimit, session } from "./arbitrary-filters.ts";
import { healthCheck } from "./arbitrary-health-check.ts";
import { jwtAuthn } from "./arbitrary-jwt.ts";
import { outlierDetection } from "./arbitrary-outlier-detection.ts";
import { networkRbac, rbac } from "./arbitrary-rbac.ts";
import { routeConfiguration } from "./arbitrary-routes.ts";
import {
  downstreamTls,
  http1,
  http2,
  serverNames,
  type TlsFiles,
  upstreamTls,
} from "./arbitrary-transport.ts";
import {
  few,
  ms,
  name,
  optional,
  origin,
  port,
  positiveMs,
  someText,
  text,
  upTo3,
} from "./arbitrary-words.ts";

/** Any legal model objects, for round trips. Values are small; shapes are all there. */

const dns: fc.Arbitrary<DnsOptions> = fc.record({
  family: fc.constantFrom("auto", "v4Only", "v6Only", "v4Preferred", "all"),
  refreshRateMs: fc.integer({ min: 2, max: 100_000 }),
  failureRefresh: optional(fc.constant({ baseMs: 500, maxMs: 5000 })),
  respectTtl: fc.boolean(),
  resolvers: fc.constantFrom([], [{ kind: "socket" as const, host: "10.0.0.53", port: 53 }]),
});

const count = fc.integer({ min: 0, max: 4_294_967_295 });

const lookup = fc.oneof(
  fc.record({
    discovery: fc.constantFrom("static" as const, "strictDns" as const),
    loadAssignment: optional(loadAssignment),
    edsServiceName: fc.constant(""),
    policy: balancing,
  }),
  fc.record({
    discovery: fc.constant("eds" as const),
    loadAssignment: fc.constant(undefined),
    edsServiceName: text,
    policy: balancing,
  }),
  fc.record({
    discovery: fc.constant("originalDst" as const),
    loadAssignment: fc.constant(undefined),
    edsServiceName: fc.constant(""),
    policy: providedBalancing,
  }),
);

type Speech = Pick<
  Cluster,
  | "protocol"
  | "http1"
  | "http2"
  | "tls"
  | "transportSocketMatches"
  | "proxyProtocol"
  | "healthChecks"
>;

type SocketMatches = Pick<Cluster, "transportSocketMatches">;

/** Where there are none the field is left out. */
function socketMatches(tls: fc.Arbitrary<Cluster["tls"]>): fc.Arbitrary<SocketMatches> {
  const match = fc.constantFrom<Record<string, string>>({}, { tlsMode: "istio" });
  return fc
    .array(fc.record({ name, match, tls }), { maxLength: 2 })
    .map((list) => (list.length === 0 ? {} : { transportSocketMatches: list }));
}

/** What a protocol does not use travels nowhere; ALPN needs TLS; gRPC's checks need HTTP/2. */
function speech(files: TlsFiles | undefined): fc.Arbitrary<Speech> {
  const protocol = fc.constantFrom("http1" as const, "http2" as const, "downstream" as const);
  const tls = upstreamTls(files);
  const plain = fc.record({
    protocol,
    tls: optional(tls),
    matches: socketMatches(optional(tls)),
  });
  const negotiated = fc.record({
    protocol: fc.constant("alpn" as const),
    tls,
    matches: socketMatches(tls),
  });
  return fc
    .record({
      one: fc.oneof(plain, negotiated),
      http1,
      http2,
      proxyProtocol: optional(fc.constantFrom("v1" as const, "v2" as const)),
      healthChecks: fc.array(healthCheck, { maxLength: 1 }),
    })
    .map(
      ({ one: { matches, ...one }, http1: older, http2: newer, healthChecks, proxyProtocol }) => ({
        ...one,
        ...matches,
        proxyProtocol,
        http1: one.protocol === "http2" ? HTTP1_DEFAULTS : older,
        http2: one.protocol === "http1" ? HTTP2_DEFAULTS : newer,
        healthChecks: healthChecks.filter(
          ({ kind }) => kind !== "grpc" || one.protocol !== "http1",
        ),
      }),
    );
}

/** `files`: certificates that exist, for readers who open them. */
export function clusterWith(files?: TlsFiles): fc.Arbitrary<Cluster> {
  return fc
    .record({
      name,
      statName: text,
      lookup,
      connectTimeoutMs: positiveMs,
      thresholds: fc.record({
        maxConnections: count,
        maxPendingRequests: count,
        maxRequests: count,
        maxRetries: count,
        retryBudget: optional(
          fc.record({ budgetPercent: fc.nat(100), minRetryConcurrency: fc.nat(99) }),
        ),
        trackRemaining: fc.boolean(),
        retryRate: optional(
          fc.record({
            percent: fc.nat(1000),
            minPerSecond: fc.nat(99),
            windowMs: fc.integer({ min: 100, max: 60_000 }),
          }),
        ),
      }),
      dns,
      idleTimeoutMs: ms,
      maxRequestsPerConnection: fc.nat(99),
      maxConnectionDurationMs: ms,
      bindAddress: optional(socketAddress),
      tcpKeepalive: optional(
        fc.record({ probes: optional(count), timeS: optional(count), intervalS: optional(count) }),
      ),
      speech: speech(files),
      outlierDetection: optional(outlierDetection),
      healthyPanicThreshold: fc.nat(100),
      circuit: optional(circuit),
      accrual: optional(failureAccrual),
      origin: optional(origin),
      service: optional(fc.record({ host: text, name: text, namespace: text })),
    })
    .map(({ lookup: { policy, ...found }, speech: spoken, dns: asked, accrual, ...rest }) => ({
      ...rest,
      failureAccrual: found.discovery === "originalDst" ? undefined : accrual,
      ...found,
      ...policy,
      ...spoken,
      dns: found.discovery === "strictDns" ? asked : DNS_DEFAULTS,
    }));
}

export const cluster: fc.Arbitrary<Cluster> = clusterWith();

const direction = fc.constantFrom("inbound" as const, "outbound" as const);
const telemetry = fc.record({ kind: fc.constant("telemetry" as const), direction });

/** Where nothing is said the field is left out. */
const clientCert: fc.Arbitrary<Pick<HttpConnectionManager, "forwardClientCert">> = fc.oneof(
  fc.constant({}),
  fc
    .record({
      mode: fc.constantFrom<ForwardClientCertMode>(
        "sanitize",
        "forwardOnly",
        "appendForward",
        "sanitizeSet",
        "alwaysForwardOnly",
      ),
      details: fc.record({
        subject: fc.boolean(),
        cert: fc.boolean(),
        chain: fc.boolean(),
        dns: fc.boolean(),
        uri: fc.boolean(),
      }),
    })
    .map((forwardClientCert) => ({ forwardClientCert })),
);

const managerFields: fc.Arbitrary<HttpConnectionManager> = fc.record({
  kind: fc.constant("http" as const),
  statPrefix: someText,
  codec: fc.constantFrom("auto" as const, "http1" as const, "http2" as const),
  http1,
  http2,
  routes: fc.oneof(
    fc.record({ kind: fc.constant("inline" as const), config: routeConfiguration }),
    fc.record({ kind: fc.constant("rds" as const), name }),
  ),
  httpFilters: fc
    .record({
      ours: optional(telemetry),
      grpcWeb: fc.boolean(),
      kept: optional(session),
      limit: optional(rateLimit),
      faults: optional(fault),
      jwt: optional(jwtAuthn),
      policies: fc.array(fc.record({ kind: fc.constant("rbac" as const), name, rbac }), upTo3),
    })
    .map(({ ours, grpcWeb, kept, limit, faults, jwt, policies }) => [
      ...(ours === undefined ? [] : [ours]),
      ...(grpcWeb ? [{ kind: "grpcWeb" as const }] : []),
      ...(kept === undefined ? [] : [kept]),
      ...(limit === undefined ? [] : [{ kind: "localRateLimit" as const, limit }]),
      ...(faults === undefined ? [] : [{ kind: "fault" as const, fault: faults }]),
      ...(jwt === undefined ? [] : [{ kind: "jwtAuthn" as const, authn: jwt }]),
      ...policies,
      { kind: "router" as const },
    ]),
  generateRequestId: fc.boolean(),
  preserveExternalRequestId: fc.boolean(),
  alwaysSetRequestIdInResponse: fc.boolean(),
  useRemoteAddress: fc.boolean(),
  xffNumTrustedHops: fc.nat(9),
  skipXffAppend: fc.boolean(),
  serverName: name,
  serverHeader: fc.constantFrom("overwrite", "appendIfAbsent", "passThrough"),
  via: text,
  idleTimeoutMs: ms,
  streamIdleTimeoutMs: ms,
  requestTimeoutMs: ms,
  requestHeadersTimeoutMs: ms,
  maxRequestHeadersKb: fc.integer({ min: 1, max: 8192 }),
  maxHeadersCount: fc.integer({ min: 1, max: 9999 }),
  maxRequestsPerConnection: fc.nat(999),
  maxConnectionDurationMs: ms,
  maxStreamDurationMs: ms,
  acceptHttp10: fc.boolean(),
  normalizePath: fc.boolean(),
  mergeSlashes: fc.boolean(),
  escapedSlashes: fc.constantFrom("keep", "reject", "redirect", "forward"),
  underscores: fc.constantFrom("allow", "reject", "drop"),
  upgrades: fc.uniqueArray(fc.constantFrom("websocket", "connect"), upTo3),
  accessLogs,
  drainTimeoutMs: ms,
  explicitProxy: fc.constant(false),
  stripPort: fc.constantFrom("none", "matching", "any"),
  stripTrailingHostDot: fc.boolean(),
});

const plainTcpProxy: fc.Arbitrary<TcpProxy> = fc.record({
  kind: fc.constant("tcp" as const),
  statPrefix: someText,
  clusters: fc
    .array(fc.record({ cluster: name, weight: fc.integer({ min: 1, max: 99 }) }), few)
    .map((list) => (list.length === 1 ? list.map((one) => ({ ...one, weight: 1 })) : list)),
  idleTimeoutMs: ms,
  hashesSourceIp: fc.boolean(),
  maxConnectionDurationMs: ms,
  maxConnectAttempts: fc.integer({ min: 1, max: 9 }),
  limit: optional(fc.record({ statPrefix: someText, bucket })),
  accessLogs,
  telemetry: optional(telemetry),
});

const manager: fc.Arbitrary<HttpConnectionManager> = fc
  .tuple(managerFields, clientCert)
  .map(([fields, cert]) => ({ ...fields, ...cert }));

const tcpProxy: fc.Arbitrary<TcpProxy> = fc
  .tuple(plainTcpProxy, fc.array(networkRbac, upTo3))
  .map(([proxy, policies]) => (policies.length === 0 ? proxy : { ...proxy, rbac: policies }));

const ranges = fc.uniqueArray(
  fc.record({ address: fc.constant("10.0.0.0"), prefixLength: fc.nat(32) }),
  { maxLength: 3, selector: (range) => range.prefixLength },
);

function chain(files: TlsFiles | undefined): fc.Arbitrary<FilterChain> {
  return fc.record({
    name: text,
    match: fc.record({
      destinationPort: optional(port),
      prefixRanges: ranges,
      serverNames,
      applicationProtocols: fc.uniqueArray(fc.constantFrom("http/1.1", "h2c", "h2"), upTo3),
      transportProtocol: fc.constantFrom("", "raw_buffer", "tls"),
      directSourcePrefixRanges: ranges,
      sourceType: fc.constantFrom("any", "sameIpOrLoopback", "external"),
      sourcePrefixRanges: ranges,
      sourcePorts: fc.uniqueArray(fc.integer({ min: 1, max: 65_535 }), upTo3),
    }),
    tls: optional(downstreamTls(files)),
    filter: fc.oneof(manager, tcpProxy),
  });
}

/** `explicitProxy` is the listener's: all of its HTTP filters say the same. */
function explicit(one: FilterChain): FilterChain {
  const { filter } = one;
  return filter.kind === "http" ? { ...one, filter: { ...filter, explicitProxy: true } } : one;
}

/** No two chains of a listener may match alike. */
function apart(one: FilterChain, index: number): FilterChain {
  return { ...one, match: { ...one.match, destinationPort: 1 + index } };
}

/** What says whose connection it is comes before what looks into it. */
const listenerFilters: fc.Arbitrary<ListenerFilter[]> = fc
  .record({
    first: optional(
      fc.record({
        kind: fc.constant("proxyProtocol" as const),
        allowWithout: fc.boolean(),
        disallowedVersions: fc.array(fc.constantFrom("v1" as const, "v2" as const), {
          maxLength: 1,
        }),
        statPrefix: text,
      }),
    ),
    others: fc.uniqueArray(
      fc.constantFrom("originalDst" as const, "httpInspector" as const, "tlsInspector" as const),
      upTo3,
    ),
  })
  .map(({ first, others }) => (first === undefined ? others : [first, ...others]));

/** `files`: certificates that exist, for readers who open them. */
export function listenerWith(files?: TlsFiles): fc.Arbitrary<Listener> {
  return fc
    .record({
      name,
      address,
      bindToPort: fc.boolean(),
      useOriginalDst: fc.boolean(),
      direction: fc.constantFrom("unspecified" as const, "inbound" as const, "outbound" as const),
      filterChains: fc.array(chain(files), few),
      defaultFilterChain: optional(chain(files)),
      listenerFilters,
      listenerFiltersTimeoutMs: ms,
      continueOnListenerFiltersTimeout: fc.boolean(),
      origin: optional(origin),
      isExplicit: fc.boolean(),
      logs: accessLogs,
    })
    .map(({ isExplicit, logs, ...fields }) => {
      const some = logs.length === 0 ? fields : { ...fields, accessLogs: logs };
      const one = { ...some, filterChains: some.filterChains.map(apart) };
      if (!isExplicit) return one;
      const { defaultFilterChain: last } = one;
      return {
        ...one,
        filterChains: one.filterChains.map(explicit),
        defaultFilterChain: last === undefined ? undefined : explicit(last),
      };
    });
}

export const listener: fc.Arbitrary<Listener> = listenerWith();
