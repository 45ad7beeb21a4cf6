import type { ConnectionBackend, ConnectionMatch } from "../../../model/connection-route-set.ts";
import type {
  CidrRange,
  FilterChain,
  FilterChainMatch,
  TcpWeightedCluster,
} from "../../../model/listener.ts";
import { connectionRulesFor } from "../../../model/precedence/connection-route.ts";
import { MATCH_ALL, tcpProxy } from "../filter-chain.ts";
import { outboundClusterName } from "../names.ts";
import type { ServiceAt } from "../service-view.ts";
import { backendCluster, type Outlook } from "./outlook.ts";

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
    const matches = rule.matches.length === 0 ? [ANYTHING] : rule.matches;
    for (const match of matches) {
      const name = `${clusters.map(({ cluster }) => cluster).join("+")}-${matched.length}`;
      const chain = chainTo(outlook, at, name, chainMatch(match), clusters);
      if (isAnything(match)) return { matched, rest: chain };
      matched.push(chain);
    }
  }
  const cluster = outboundClusterName(port.port, "", service.host);
  const rest = chainTo(outlook, at, cluster, MATCH_ALL, [{ cluster, weight: 1 }]);
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

function chainTo(
  outlook: Outlook,
  { service, port }: ServiceAt,
  name: string,
  match: FilterChainMatch,
  clusters: readonly TcpWeightedCluster[],
): FilterChain {
  const blocks = outlook.policyOf(service).blocksFor(port.port, "");
  const filter = tcpProxy("outbound", clusters, blocks.connectionPool?.tcpIdleTimeoutMs);
  return { name, match, tls: undefined, filter };
}
