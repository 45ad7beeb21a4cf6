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
import { httpManager, MATCH_ALL, MATCH_HTTP, tcpChain } from "../filter-chain.ts";
import {
  BLACK_HOLE_CLUSTER,
  INBOUND_PASSTHROUGH_CLUSTER,
  INBOUND_PORT,
  inboundClusterName,
  listenerName,
} from "../names.ts";
import { INBOUND_RETRIES } from "../route/retry-policy.ts";
import { forward, plainRoute, whole } from "../route/rules.ts";
import type { InboundPort } from "./ports.ts";

const ANY_HOST = "0.0.0.0";

/**
 * Where the pod has TCP ports, whose server may speak first, inspectors wait no longer than this
 * for a client's bytes (Istio's former `protocolDetectionTimeout`); else as long as it takes.
 */
const TCP_INSPECTION_MS = 5000;

/**
 * `virtualInbound`: one chain a port of the pod, and what Istio does with the other ports.
 * `detectionMs`: the mesh's protocolDetectionTimeout, 0 where none is written.
 */
export function virtualInbound(ports: readonly InboundPort[], detectionMs: number): Listener {
  const itself = { ...MATCH_ALL, destinationPort: INBOUND_PORT };
  const name = "virtualInbound";
  return {
    ...listener(name, ANY_HOST, INBOUND_PORT, undefined),
    filterChains: [
      tcpChain(`${name}-blackhole`, itself, "inbound", BLACK_HOLE_CLUSTER),
      ...ports.flatMap((inbound) => redirectedChains(inbound)),
      undeclaredHttpChain(name),
    ],
    defaultFilterChain: tcpChain(name, MATCH_ALL, "inbound", INBOUND_PASSTHROUGH_CLUSTER),
    listenerFilters: ["originalDst", "tlsInspector", "httpInspector"],
    listenerFiltersTimeoutMs: detectionMs || (ports.some(isTcp) ? TCP_INSPECTION_MS : 0),
    continueOnListenerFiltersTimeout: true,
  };
}

/** Explicit mode: the pod's own address and port, in front of the app. */
export function explicitInbound(pod: Pod, inbound: InboundPort, detectionMs: number): Listener {
  const name = listenerName(pod.address, inbound.port);
  const sniffed = inbound.carriage === "sniffed";
  const chains = portChains(inbound, name, MATCH_ALL);
  const last = sniffed ? chains.at(-1) : undefined;
  return {
    ...listener(name, pod.address, inbound.port, inbound.service?.origin),
    filterChains: sniffed ? chains.slice(0, -1) : chains,
    defaultFilterChain: last,
    listenerFilters: sniffed ? ["tlsInspector", "httpInspector"] : [],
    listenerFiltersTimeoutMs: sniffed ? detectionMs : 0,
    continueOnListenerFiltersTimeout: sniffed,
  };
}

function redirectedChains(inbound: InboundPort): readonly FilterChain[] {
  const match = { ...MATCH_ALL, destinationPort: inbound.port };
  return portChains(inbound, listenerName(ANY_HOST, inbound.port), match);
}

function isTcp(inbound: InboundPort): boolean {
  return inbound.carriage === "tcp";
}

/** HTTP, TCP, or for undeclared protocols both, told apart by the inspector. */
function portChains(
  inbound: InboundPort,
  name: string,
  match: FilterChainMatch,
): readonly FilterChain[] {
  const cluster = inboundClusterName(inbound.port);
  const tcp = tcpChain(name, match, "inbound", cluster);
  if (inbound.carriage === "tcp") return [tcp];
  const filter = manager(inbound, name);
  if (inbound.carriage === "http") return [{ name, match, tls: undefined, filter }];
  const sniffed = { ...MATCH_HTTP, destinationPort: match.destinationPort };
  return [
    { name, match: sniffed, tls: undefined, filter },
    { ...tcp, name: `${name}-tcp` },
  ];
}

function manager(inbound: InboundPort, name: string): HttpConnectionManager {
  const port = inbound.servicePort?.port ?? inbound.port;
  const cluster = inboundClusterName(inbound.port);
  const config = toOneCluster(cluster, `inbound|http|${port}`, "default", inbound.service?.origin);
  const http = httpManager("inbound", `inbound_${name}`, { kind: "inline", config });
  if (inbound.servicePort?.protocol !== "grpcWeb") return http;
  return { ...http, httpFilters: [{ kind: "grpcWeb" }, ...http.httpFilters] };
}

function undeclaredHttpChain(listenerOf: string): FilterChain {
  const name = `${listenerOf}-catchall-http`;
  const cluster = INBOUND_PASSTHROUGH_CLUSTER;
  const config = toOneCluster(cluster, "inbound|http|0", "default", undefined);
  const filter = httpManager("inbound", cluster, { kind: "inline", config });
  return { name, match: MATCH_HTTP, tls: undefined, filter };
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
