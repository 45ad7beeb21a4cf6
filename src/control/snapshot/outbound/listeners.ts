import { socketAddress } from "../../../model/address.ts";
import type { FilterChain, Listener } from "../../../model/listener.ts";
import type { Origin } from "../../../model/origin.ts";
import { podsOf } from "../../../model/precedence/endpoints.ts";
import { httpManager, MATCH_ALL, MATCH_HTTP, tcpChain } from "../filter-chain.ts";
import {
  addressesOf,
  BLACK_HOLE_CLUSTER,
  EXPLICIT_ROUTES,
  listenerName,
  OUTBOUND_PORT,
  PASSTHROUGH_CLUSTER,
  rangesOf,
  serviceForms,
} from "../names.ts";
import type { ServiceAt } from "../service-view.ts";
import { cidrRange, connectionChains } from "./connection-chains.ts";
import { distinctMatches } from "./distinct-matches.ts";
import { namedPods } from "./named-pods.ts";
import type { Outlook } from "./outlook.ts";
import { hostsWithoutService } from "./policies.ts";

const ANY_HOST = "0.0.0.0";

/** What redirected connections meet: the address that they wanted, else the port, else the end. */
export function interceptListeners(outlook: Outlook): readonly Listener[] {
  const listeners = [virtualOutbound(outlook), ...portListeners(outlook)];
  for (const at of outlook.services) listeners.push(...addressListeners(outlook, at));
  return distinct(listeners);
}

/**
 * The app's `http_proxy`. What it asks for by CONNECT is treated as a redirected connection would
 * be, so the listeners of those are there too, but for the pod's own address, which is inbound's;
 * no port but one is bound. CONNECT names hosts, and nobody has looked them up: TCP services are
 * found by their names as well.
 */
export function explicitListeners(outlook: Outlook, podAddress: string): readonly Listener[] {
  const atNames = outlook.client.listensAtNames ? outlook.services : [];
  const named = atNames.flatMap((at) => namedListeners(outlook, at));
  const unbound = distinct([...interceptListeners(outlook), ...named])
    .filter(({ address }) => address.kind === "pipe" || address.host !== podAddress)
    .map((each) => ({ ...each, bindToPort: false }));
  return [httpProxy(podAddress), ...unbound];
}

function httpProxy(podAddress: string): Listener {
  const routes = { kind: "rds", name: EXPLICIT_ROUTES } as const;
  const manager = httpManager("outbound", `outbound_${EXPLICIT_ROUTES}`, routes);
  const filter = { ...manager, explicitProxy: true };
  return {
    ...listener(EXPLICIT_ROUTES, podAddress, OUTBOUND_PORT, undefined),
    bindToPort: true,
    filterChains: [{ name: EXPLICIT_ROUTES, match: MATCH_ALL, tls: undefined, filter }],
  };
}

function virtualOutbound(outlook: Outlook): Listener {
  const itself = { ...MATCH_ALL, destinationPort: OUTBOUND_PORT };
  const name = "virtualOutbound";
  return {
    ...listener(name, ANY_HOST, OUTBOUND_PORT, undefined),
    bindToPort: true,
    useOriginalDst: true,
    filterChains: [tcpChain(`${name}-blackhole`, itself, "outbound", BLACK_HOLE_CLUSTER)],
    defaultFilterChain: tcpChain(
      `${name}-catchall-tcp`,
      MATCH_ALL,
      "outbound",
      unknownDestination(outlook),
    ),
  };
}

/**
 * `0.0.0.0_80`: the HTTP services of a port are told apart by their hosts. What is not HTTP there
 * goes to the services whose range its address is in, or that have no address at all
 * (ServiceEntries; of TLS by the name that the client asks for), else where it wanted to go. Hosts
 * that only routes know are served on port 80, as in a cluster of Istio's, whose own gateway is a
 * service on that port.
 */
function portListeners(outlook: Outlook): readonly Listener[] {
  const http = new Set(portsWhere(outlook, (at) => at.carriage === "http"));
  if (hostsWithoutService(outlook.mesh, outlook.client, outlook.byHost).length > 0) http.add(80);
  const tcp = portsWhere(outlook, (at) => isOpen(at) || isRanged(at));
  return [...new Set([...http, ...tcp])]
    .sort((left, right) => left - right)
    .map((port) => portListener(outlook, port, http.has(port)));
}

function portListener(outlook: Outlook, port: number, http: boolean): Listener {
  const name = listenerName(ANY_HOST, port);
  const here = outlook.services.filter((at) => at.port.port === port);
  const open = here.filter(isOpen);
  const plain = open.find((at) => !isEncrypted(at));
  // The first service (by host) keeps what two of them match.
  const chains = distinctMatches([
    ...(http ? [httpChain(name, String(port))] : []),
    ...rangeChains(outlook, here.filter(isRanged)),
    ...namedChains(outlook, open),
  ]);
  const other = plain === undefined ? unknownChain(outlook) : connectionChains(outlook, plain).rest;
  return {
    ...listener(name, ANY_HOST, port, undefined),
    filterChains: chains,
    defaultFilterChain: other,
    ...inspection(outlook, chains),
  };
}

/** Services without an address are told apart by the name in the ClientHello, if there is one. */
function namedChains(outlook: Outlook, open: readonly ServiceAt[]): readonly FilterChain[] {
  return open.flatMap((at) => {
    const { matched, rest } = connectionChains(outlook, at);
    const own = { ...MATCH_ALL, serverNames: [at.service.host], transportProtocol: "tls" } as const;
    const chains = isEncrypted(at) ? [...matched, { ...rest, match: own }] : matched;
    return chains;
  });
}

function unknownChain(outlook: Outlook): FilterChain {
  const name = "PassthroughFilterChain";
  return tcpChain(name, MATCH_ALL, "outbound", unknownDestination(outlook));
}

/** Rules for a service whose address is a range hold within that range. */
function rangeChains(outlook: Outlook, ranged: readonly ServiceAt[]): readonly FilterChain[] {
  return ranged.flatMap((at) => {
    const ranges = rangesOf(at.service).map(cidrRange);
    const { matched, rest } = connectionChains(outlook, at);
    return [...matched, { ...rest, match: MATCH_ALL }].map((chain) => {
      const { match } = chain;
      return match.prefixRanges.length > 0
        ? chain
        : { ...chain, match: { ...match, prefixRanges: ranges } };
    });
  });
}

/** TCP and undeclared protocols have a listener at each address of the service. */
function addressListeners(outlook: Outlook, at: ServiceAt): readonly Listener[] {
  if (at.carriage === "http") return [];
  const addresses = at.service.headless
    ? podsOf(at.service, outlook.pods).map((pod) => pod.address)
    : addressesOf(at.service);
  return addresses.map((address) => addressListener(outlook, at, address));
}

function namedListeners(outlook: Outlook, at: ServiceAt): readonly Listener[] {
  const { service, carriage, port } = at;
  const isNamed = service.resolution !== "none" && !service.host.startsWith("*");
  if (carriage === "http" || !isNamed) return [];
  const { client, mesh } = outlook;
  const forms = serviceForms(service, client.namespace, mesh.settings.clusterDomain);
  const pool = outlook.policyOf(service).blocksFor(port.port, "").connectionPool;
  const ofPods = namedPods(outlook, at).flatMap(({ domains, cluster }) =>
    domains.map((domain) => ({
      ...listener(listenerName(domain, port.port), domain, port.port, service.origin),
      defaultFilterChain: tcpChain(cluster, MATCH_ALL, "outbound", cluster, pool),
    })),
  );
  return [...forms.map((form) => addressListener(outlook, at, form)), ...ofPods];
}

function addressListener(outlook: Outlook, at: ServiceAt, address: string): Listener {
  const { service, port } = at;
  const name = listenerName(address, port.port);
  const { matched, rest } = connectionChains(outlook, at);
  const others = distinctMatches(matched);
  const routes = `${service.host}:${port.port}`;
  const chains = at.carriage === "sniffed" ? [httpChain(name, routes), ...others] : others;
  return {
    ...listener(name, address, port.port, service.origin),
    filterChains: chains,
    defaultFilterChain: rest,
    ...inspection(outlook, chains),
  };
}

/** What its chains ask for. A server that speaks first is heard once its client was waited for. */
function inspection(
  { mesh }: Outlook,
  chains: readonly FilterChain[],
): Pick<
  Listener,
  "listenerFilters" | "listenerFiltersTimeoutMs" | "continueOnListenerFiltersTimeout"
> {
  const http = chains.some(({ match }) => match.applicationProtocols.length > 0);
  const tls = http || chains.some(({ match }) => match.serverNames.length > 0);
  return {
    listenerFilters: [...(tls ? TLS_INSPECTOR : []), ...(http ? HTTP_INSPECTOR : [])],
    listenerFiltersTimeoutMs: tls ? mesh.settings.protocolDetectionTimeoutMs : 0,
    continueOnListenerFiltersTimeout: tls,
  };
}

const TLS_INSPECTOR = ["tlsInspector"] as const;
const HTTP_INSPECTOR = ["httpInspector"] as const;

function httpChain(listenerOf: string, routes: string): FilterChain {
  const filter = httpManager("outbound", `outbound_${listenerOf}`, { kind: "rds", name: routes });
  return { name: listenerOf, match: MATCH_HTTP, tls: undefined, filter };
}

/** TCP to whatever address: no address and no range leads to it. */
function isOpen({ service, carriage }: ServiceAt): boolean {
  return carriage !== "http" && !service.headless && service.addresses.length === 0;
}

/** By the client itself: nobody here reads more than the name that it asks for. */
function isEncrypted({ port }: ServiceAt): boolean {
  return port.protocol === "tls" || port.protocol === "https";
}

function isRanged({ service, carriage }: ServiceAt): boolean {
  return carriage !== "http" && rangesOf(service).length > 0;
}

function unknownDestination(outlook: Outlook): string {
  return outlook.unknownHosts === "registryOnly" ? BLACK_HOLE_CLUSTER : PASSTHROUGH_CLUSTER;
}

function portsWhere(outlook: Outlook, holds: (at: ServiceAt) => boolean): ReadonlySet<number> {
  return new Set(outlook.services.filter(holds).map((at) => at.port.port));
}

/** Two services may claim one address and port: the first one (by host) keeps it. */
function distinct(listeners: readonly Listener[]): readonly Listener[] {
  const byName = new Map<string, Listener>();
  for (const each of listeners) if (!byName.has(each.name)) byName.set(each.name, each);
  return [...byName.values()];
}

function listener(name: string, host: string, port: number, origin: Origin | undefined): Listener {
  return {
    name,
    address: socketAddress(host, port),
    bindToPort: false,
    useOriginalDst: false,
    direction: "outbound",
    filterChains: [],
    defaultFilterChain: undefined,
    listenerFilters: [],
    listenerFiltersTimeoutMs: 0,
    continueOnListenerFiltersTimeout: false,
    origin,
  };
}
