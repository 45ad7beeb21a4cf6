import { Refusals } from "../../base/refusals.ts";
import type {
  FilterChain,
  HttpConnectionManager,
  Listener,
  TcpProxy,
} from "../../model/listener.ts";
import type { AccessLog } from "../../model/log/access-log.ts";
import { SANITIZE_CERTIFICATE } from "../../model/transport/client-certificate.ts";
import type { Circuits } from "../circuit/circuits.ts";
import type { ClusterSet } from "../cluster/cluster-set.ts";
import type { ProxyContext } from "../cluster/upstream-cluster.ts";
import { ForwardedCertificate } from "../filters/client-certificate/forwarded-certificate.ts";
import type { FaultCounts } from "../filters/fault/fault-counts.ts";
import { InternalClients } from "../filters/internal-clients.ts";
import type { JwtKeys } from "../filters/jwt/keys/jwt-keys.ts";
import { TelemetryExchange } from "../filters/peer-exchange.ts";
import type { RateLimits } from "../filters/rate-limit/rate-limits.ts";
import { ConnectionRbac } from "../filters/rbac/network-rbac.ts";
import { ChainSet, CompiledChain, type CompiledFilter } from "../listener/filter-chain.ts";
import type { CompiledListener } from "../listener/listener.ts";
import type { CompiledTcpProxy } from "../tcp/compiled-tcp-proxy.ts";
import type { AccessLogger } from "../telemetry/access-log/logger.ts";
import type { PeerHeaders } from "../telemetry/standard/peer-metadata.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { compileFilters } from "./compile-filters.ts";
import { compileRoutes, type RouteParts } from "./compile-routes.ts";
import { type CompiledHcm, RouteSlot } from "./compiled-hcm.ts";

/** Of a connection manager, a TCP proxy or a listener. */
export type LoggersOf = (logged: {
  readonly accessLogs: readonly AccessLog[];
}) => readonly AccessLogger[];

/** What compiling listeners draws upon. */
export interface CompileScope {
  readonly context: ProxyContext;
  readonly clusters: ClusterSet;
  /** The slot of a route configuration that comes by name. */
  readonly routeSlot: (name: string) => RouteSlot;
  readonly peerHeaders: PeerHeaders;
  readonly localAddress: string;
  readonly rateLimits: RateLimits;
  /** Left out: no route has one. */
  readonly circuits?: Circuits;
  readonly faultCounts: FaultCounts;
  readonly jwtKeys: JwtKeys;
  readonly loggersOf: LoggersOf;
}

/**
 * Makes a listener ready to serve. Throws an Error that names every chain of which a regex, a
 * template or a file cannot be used.
 */
export function compileListener(config: Listener, scope: CompileScope): CompiledListener {
  const { telemetry, tls } = scope.context;
  const compile = (chain: FilterChain): CompiledChain => {
    const filter = compileFilter(chain, config, scope);
    if (chain.tls === undefined) return new CompiledChain(chain, filter);
    telemetry.listenerTls(config.address).show();
    return new CompiledChain(chain, filter, tls.server(chain.tls));
  };
  showInspectors(config, telemetry);
  const refusals = new Refusals();
  const chains = config.filterChains.flatMap(
    (chain, i) => refusals.attempt(`filter_chains[${i}]`, () => compile(chain)) ?? [],
  );
  const last = config.defaultFilterChain;
  const fallback = refusals.attempt("default_filter_chain", () => last && compile(last));
  refusals.throwAny();
  const logs = scope.loggersOf({ accessLogs: config.accessLogs ?? [] });
  return { config, chains: new ChainSet(chains, fallback), logs };
}

/** Their statistics are there from the start. */
function showInspectors({ listenerFilters }: Listener, telemetry: Telemetry): void {
  if (listenerFilters.includes("tlsInspector")) telemetry.inspectors.showTls();
  if (listenerFilters.includes("httpInspector")) telemetry.inspectors.showHttp();
  for (const filter of listenerFilters) {
    if (typeof filter !== "string") telemetry.proxyProtocol(filter.statPrefix);
  }
}

function compileFilter(
  { filter, name }: FilterChain,
  listener: Listener,
  scope: CompileScope,
): CompiledFilter {
  if (filter.kind === "tcp") return { kind: "tcp", tcp: compileTcp(filter, name, scope) };
  const hcm = compileHcm(filter, listener, scope);
  return { kind: "http", hcm: { ...hcm, chainName: name } };
}

function compileTcp(config: TcpProxy, chainName: string, scope: CompileScope): CompiledTcpProxy {
  const { clusters, context } = scope;
  let upTo = 0;
  const targets = config.clusters.map(({ cluster, weight }) => {
    upTo += weight;
    return { slot: clusters.slot(cluster), upTo };
  });
  const stats = context.telemetry.tcp(config.statPrefix);
  const limit = config.limit && {
    bucket: scope.rateLimits.connectionBucket(config.limit),
    stats: context.telemetry.connectionLimit(config.limit.statPrefix),
  };
  const rbac = (config.rbac ?? []).map(
    (one) => new ConnectionRbac(one, context.telemetry.networkRbac(one)),
  );
  const logs = scope.loggersOf(config);
  return { config, context, chainName, stats, limit, rbac, logs, targets };
}

function compileHcm(
  config: HttpConnectionManager,
  listener: Listener,
  scope: CompileScope,
): Omit<CompiledHcm, "chainName"> {
  const { context, jwtKeys, peerHeaders } = scope;
  const { clock, telemetry } = context;
  const filter = config.httpFilters.find(({ kind }) => kind === "telemetry");
  const direction = filter?.kind === "telemetry" ? filter.direction : "outbound";
  const peers =
    filter === undefined
      ? undefined
      : new TelemetryExchange(direction, peerHeaders, telemetry.peers);
  return {
    config,
    context,
    routes: routesOf(config, scope),
    account: {
      http: telemetry.http(config.statPrefix),
      listener: telemetry.listener(listener.address).http(config.statPrefix),
      standardMetrics: filter !== undefined,
      unrouted: telemetry.destination({
        direction,
        clusterName: "",
        service: undefined,
        workload: undefined,
      }),
      logs: scope.loggersOf(config),
    },
    headLimits: {
      bytesMax: config.maxRequestHeadersKb * 1024,
      fieldsMax: config.maxHeadersCount,
    },
    peers,
    filters: compileFilters(config, {
      ...routePartsOf(scope),
      faultCounts: scope.faultCounts,
      telemetry,
      clock,
      jwtKeys,
    }),
    clientCertificate: new ForwardedCertificate(config.forwardClientCert ?? SANITIZE_CERTIFICATE),
    grpcWeb: config.httpFilters.some(({ kind }) => kind === "grpcWeb"),
    localAddress: scope.localAddress,
    internalClients: config.internalRanges && new InternalClients(config.internalRanges, config),
    allowedUpgrades: new Set(config.upgrades),
  };
}

export function routePartsOf({ clusters, rateLimits, circuits }: CompileScope): RouteParts {
  const routes = circuits === undefined ? {} : { circuits };
  return { slotOf: (name) => clusters.slot(name), rateLimits, ...routes };
}

function routesOf(config: HttpConnectionManager, scope: CompileScope): RouteSlot {
  if (config.routes.kind === "rds") return scope.routeSlot(config.routes.name);
  const slot = new RouteSlot(config.routes.config.name);
  slot.table = compileRoutes(config.routes.config, routePartsOf(scope));
  return slot;
}
