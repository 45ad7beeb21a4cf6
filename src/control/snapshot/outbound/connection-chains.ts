import type { ConnectionBackend, ConnectionMatch } from "../../../model/connection-route-set.ts";
import type {
  CidrRange,
  FilterChain,
  FilterChainMatch,
  TcpWeightedCluster,
} from "../../../model/listener.ts";
import { connectionRulesFor } from "../../../model/precedence/connection-route.ts";
import { MATCH_ALL, type TcpTimes, tcpProxy } from "../filter-chain.ts";
import { outboundClusterName } from "../names.ts";
import type { ServiceAt } from "../service-view.ts";
import { backendCluster, backendPool, type Outlook } from "./outlook.ts";

/** Where the connections to one service port go. */
export interface ConnectionChains {
  /** Those that are told apart, in their order. */
  readonly matched: readonly FilterChain[];
  /** All others. */
  readonly rest: FilterChain;
}

/** By the VirtualService that holds, else all to the service itself. */
export function connectionChains(outlook: Outlook, at: ServiceAt): ConnectionChains {
  const { service, port } = at;
  const matched: FilterChain[] = [];
  for (const rule of connectionRulesFor(outlook.mesh, outlook.client, service, port.port)) {
    const clusters = weighted(outlook, at, rule.backends);
    const pool = poolOf(outlook, at, rule.backends);
    const matches = rule.matches.length === 0 ? [ANYTHING] : rule.matches;
    for (const match of matches) {
      const name = `${clusters.map(({ cluster }) => cluster).join("+")}-${matched.length}`;
      const chain = chainTo(name, chainMatch(match), clusters, pool);
      if (isAnything(match)) return { matched, rest: chain };
      matched.push(chain);
    }
  }
  const cluster = outboundClusterName(port.port, "", service.host);
  const pool = outlook.policyOf(service).blocksFor(port.port, "").connectionPool;
  const rest = chainTo(cluster, MATCH_ALL, [{ cluster, weight: 1 }], pool);
  return { matched, rest };
}

const ANYTHING: Pick<ConnectionMatch, "sniHosts" | "destinationSubnets"> = {
  sniHosts: [],
  destinationSubnets: [],
};

function isAnything({ sniHosts, destinationSubnets }: typeof ANYTHING): boolean {
  return sniHosts.length === 0 && destinationSubnets.length === 0;
}

function chainMatch({ sniHosts, destinationSubnets }: typeof ANYTHING): FilterChainMatch {
  return {
    ...MATCH_ALL,
    serverNames: sniHosts.map((name) => name.toLowerCase()),
    transportProtocol: sniHosts.length > 0 ? "tls" : "",
    prefixRanges: destinationSubnets.map(cidrRange),
  };
}

/** `10.0.0.0/8`; an address by itself is a range of one. */
export function cidrRange(range: string): CidrRange {
  const [address = "", length] = range.split("/");
  const whole = address.includes(":") ? 128 : 32;
  return { address, prefixLength: length === undefined ? whole : Number(length) };
}

/** Weights of 0 are left out, but the only backend gets everything. */
function weighted(
  outlook: Outlook,
  { port }: ServiceAt,
  backends: readonly ConnectionBackend[],
): readonly TcpWeightedCluster[] {
  return backends
    .map((backend) => ({
      cluster: backendCluster(outlook, backend, port.port),
      weight: backends.length === 1 ? 1 : backend.weight,
    }))
    .filter(({ weight }) => weight > 0);
}

/** Of several backends the first one's service says how long connections last, as in Istio. */
function poolOf(
  outlook: Outlook,
  { port }: ServiceAt,
  backends: readonly ConnectionBackend[],
): TcpTimes | undefined {
  const [first] = backends;
  if (first === undefined) return undefined;
  const subset = backends.length === 1 ? first.subset : "";
  return backendPool(outlook, { host: first.host, port: first.port, subset }, port.port);
}

function chainTo(
  name: string,
  match: FilterChainMatch,
  clusters: readonly TcpWeightedCluster[],
  pool: TcpTimes | undefined,
): FilterChain {
  return { name, match, tls: undefined, filter: tcpProxy("outbound", clusters, pool) };
}
