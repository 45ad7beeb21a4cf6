import { socketAddress } from "../../../model/address.ts";
import { NO_FILTER_CONFIGS } from "../../../model/filter/filter-configs.ts";
import type {
  FilterChain,
  FilterChainMatch,
  HttpConnectionManager,
  Listener,
} from "../../../model/listener.ts";
import type { Pod } from "../../../model/mesh.ts";
import type { Origin } from "../../../model/origin.ts";
import type { RouteConfiguration } from "../../../model/route.ts";
import { NO_MUTATIONS } from "../../../model/route.ts";
import { httpManager, MATCH_ALL, tcpChain, tcpProxy } from "../filter-chain.ts";
import {
  BLACK_HOLE_CLUSTER,
  INBOUND_PASSTHROUGH_CLUSTER,
  INBOUND_PORT,
  inboundClusterName,
  listenerName,
} from "../names.ts";
import { INBOUND_RETRIES } from "../route/retry-policy.ts";
import { forward, plainRoute, whole } from "../route/rules.ts";
import { type Guard, type MeshServer, portChains, type Served } from "./port-chains.ts";
import type { InboundPort } from "./ports.ts";

const ANY_HOST = "0.0.0.0";

/**
 * Where the pod has TCP ports, whose server may speak first, inspectors wait no longer than this
 * for a client's bytes (Istio's former `protocolDetectionTimeout`); else as long as it takes.
 */
const TCP_INSPECTION_MS = 5000;
/** Where every client has to begin with TLS; Envoy's default. Who says nothing is then closed. */
const HELLO_MS = 15_000;

/** What the pod's sidecar takes, and how. */
export interface InboundGuards {
  /** By container port; `undefined`: ports that nobody has declared. */
  readonly guardOf: (port: number | undefined) => Guard;
  /** Ports of which a policy speaks, declared or not. */
  readonly namedPorts: readonly number[];
  /** Undefined: the proxy has no certificate. */
  readonly server: MeshServer | undefined;
}

/**
 * `virtualInbound`: the chains of each port of the pod, and what Istio does with the other ports.
 * There is no default chain: what a port's chains do not take is closed.
 * `detectionMs`: the mesh's protocolDetectionTimeout, 0 where none is written.
 */
export function virtualInbound(
  ports: readonly InboundPort[],
  guards: InboundGuards,
  detectionMs: number,
): Listener {
  const itself = { ...MATCH_ALL, destinationPort: INBOUND_PORT };
  const name = "virtualInbound";
  const declared = new Set(ports.map(({ port }) => port));
  const undeclared = guards.namedPorts.filter((port) => !declared.has(port));
  const chains = [
    ...ports.flatMap((inbound) => redirectedChains(inbound, guards)),
    ...undeclared.flatMap((port) => {
      const match = { ...MATCH_ALL, destinationPort: port };
      return undeclaredChains(listenerName(ANY_HOST, port), match, guards);
    }),
    ...undeclaredChains(`${name}-catchall`, MATCH_ALL, guards),
  ];
  return {
    ...listener(name, ANY_HOST, INBOUND_PORT, undefined),
    filterChains: [tcpChain(`${name}-blackhole`, itself, "inbound", BLACK_HOLE_CLUSTER), ...chains],
    listenerFilters: ["originalDst", "tlsInspector", "httpInspector"],
    listenerFiltersTimeoutMs: patienceMs(chains, ports.some(isTcp), detectionMs),
    continueOnListenerFiltersTimeout: true,
  };
}

/** Explicit mode: the pod's own address and port, in front of the app. */
export function explicitInbound(
  pod: Pod,
  inbound: InboundPort,
  guards: InboundGuards,
  detectionMs: number,
): Listener {
  const name = listenerName(pod.address, inbound.port);
  const served = servedAt(inbound, name, MATCH_ALL);
  const chains = portChains(served, guards.guardOf(inbound.port), guards.server);
  const told = chains.length > 1 || chains.some(({ tls }) => tls !== undefined);
  const http = told && inbound.carriage === "sniffed";
  return {
    ...listener(name, pod.address, inbound.port, inbound.service?.origin),
    filterChains: chains,
    listenerFilters: [...(told ? TLS_INSPECTOR : []), ...(http ? HTTP_INSPECTOR : [])],
    listenerFiltersTimeoutMs: told ? patienceMs(chains, isTcp(inbound), detectionMs) : 0,
    continueOnListenerFiltersTimeout: told,
  };
}

/** How long a client's first bytes are waited for; 0: as long as it takes. */
function patienceMs(chains: readonly FilterChain[], tcp: boolean, detectionMs: number): number {
  if (chains.every(({ match }) => match.transportProtocol === "tls")) return HELLO_MS;
  return detectionMs || (tcp ? TCP_INSPECTION_MS : 0);
}

const TLS_INSPECTOR = ["tlsInspector"] as const;
const HTTP_INSPECTOR = ["httpInspector"] as const;

function redirectedChains(inbound: InboundPort, guards: InboundGuards): readonly FilterChain[] {
  const match = { ...MATCH_ALL, destinationPort: inbound.port };
  const served = servedAt(inbound, listenerName(ANY_HOST, inbound.port), match);
  return portChains(served, guards.guardOf(inbound.port), guards.server);
}

function isTcp(inbound: InboundPort): boolean {
  return inbound.carriage === "tcp";
}

function servedAt(inbound: InboundPort, name: string, match: FilterChainMatch): Served {
  const cluster = inboundClusterName(inbound.port);
  const tcp = tcpProxy("inbound", [{ cluster, weight: 1 }]);
  return { name, match, carriage: inbound.carriage, http: manager(inbound, name), tcp };
}

/** Of a port that nobody has declared, or of all of them. */
function undeclaredChains(
  name: string,
  match: FilterChainMatch,
  { guardOf, server }: InboundGuards,
): readonly FilterChain[] {
  const cluster = INBOUND_PASSTHROUGH_CLUSTER;
  const config = toOneCluster(cluster, "inbound|http|0", "default", undefined);
  const http = httpManager("inbound", cluster, { kind: "inline", config });
  const tcp = tcpProxy("inbound", [{ cluster, weight: 1 }]);
  const served: Served = { name, match, carriage: "sniffed", http, tcp };
  const guard = guardOf(match.destinationPort);
  return portChains(served, guard, server);
}

function manager(inbound: InboundPort, name: string): HttpConnectionManager {
  const port = inbound.servicePort?.port ?? inbound.port;
  const cluster = inboundClusterName(inbound.port);
  const config = toOneCluster(cluster, `inbound|http|${port}`, "default", inbound.service?.origin);
  const http = httpManager("inbound", `inbound_${name}`, { kind: "inline", config });
  if (inbound.servicePort?.protocol !== "grpcWeb") return http;
  return { ...http, httpFilters: [{ kind: "grpcWeb" }, ...http.httpFilters] };
}

function toOneCluster(
  cluster: string,
  virtualHost: string,
  route: string,
  origin: Origin | undefined,
): RouteConfiguration {
  const action = { ...forward([whole(cluster)]), retryPolicy: INBOUND_RETRIES };
  return {
    name: cluster,
    virtualHosts: [
      {
        name: virtualHost,
        domains: ["*"],
        routes: [plainRoute(route, action, origin)],
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

function listener(name: string, host: string, port: number, origin: Origin | undefined): Listener {
  return {
    name,
    address: socketAddress(host, port),
    bindToPort: true,
    useOriginalDst: false,
    direction: "inbound",
    filterChains: [],
    defaultFilterChain: undefined,
    listenerFilters: [],
    listenerFiltersTimeoutMs: 0,
    continueOnListenerFiltersTimeout: false,
    origin,
  };
}
