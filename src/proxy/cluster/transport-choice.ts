import type { Cluster } from "../../model/cluster.ts";
import type { LocalityEndpoints } from "../../model/endpoint.ts";
import type { ProxyProtocolVersion } from "../../model/transport/proxy-protocol.ts";
import type { ClientContext } from "../tls/client-context.ts";
import type { TlsContexts } from "../tls/tls-contexts.ts";

/** How connections to an endpoint are made. */
export interface HostTransport {
  /** Undefined: plain TCP. */
  readonly tls: ClientContext | undefined;
  /** Each connection begins with a header that says for whom it is, before TLS. */
  readonly proxyProtocol: ProxyProtocolVersion | undefined;
}

type Labels = Readonly<Record<string, string>>;

/** What a locality's endpoints say of the transport that they want. */
export type SocketLabels = LocalityEndpoints["transportSocketMatch"];

interface Match {
  readonly labels: readonly (readonly [key: string, value: string])[];
  readonly transport: HostTransport;
}

/**
 * Which of a cluster's transports an endpoint is reached by (Envoy: TransportSocketMatcherImpl).
 * Who asks twice for the same labels gets the same object.
 */
export class TransportChoice {
  /** Where nothing matches. */
  readonly #usual: HostTransport;
  readonly #matches: readonly Match[];

  /** Throws an Error that names the file or setting that cannot be used. */
  constructor(config: Cluster, contexts: TlsContexts) {
    const { proxyProtocol, tls, transportSocketMatches = [] } = config;
    this.#usual = { tls: tls && contexts.client(tls), proxyProtocol };
    this.#matches = transportSocketMatches.map((match) => ({
      labels: Object.entries(match.match),
      transport: { tls: match.tls && contexts.client(match.tls), proxyProtocol: undefined },
    }));
  }

  /** The first match of the endpoint's labels, or else of its locality's; undefined: no labels. */
  for(endpoint: Labels | undefined, locality: Labels | undefined): HostTransport {
    if (this.#matches.length === 0) return this.#usual;
    return this.#matching(endpoint) ?? this.#matching(locality) ?? this.#usual;
  }

  /** Every TLS context that some endpoint may use. */
  get contexts(): readonly ClientContext[] {
    const all = [this.#usual, ...this.#matches.map(({ transport }) => transport)];
    return [...new Set(all.flatMap(({ tls }) => tls ?? []))];
  }

  #matching(given: Labels = {}): HostTransport | undefined {
    return this.#matches.find(({ labels }) =>
      labels.every(([key, value]) => Object.hasOwn(given, key) && given[key] === value),
    )?.transport;
  }
}

/** Endpoints, limits and balancing may change in place; how connections are made may not. */
export function sameTransport(a: Cluster, b: Cluster): boolean {
  return a === b || transportKey(a) === transportKey(b);
}

/** What of a configuration cannot change in place, as a text. */
export function transportKey(cluster: Cluster): string {
  const { loadAssignment: _l, thresholds: _t, lbPolicy: _p, ...rest } = cluster;
  return JSON.stringify({
    ...rest,
    choiceCount: 0,
    balancing: undefined,
    failurePenalty: rest.balancing.peakEwma.failurePenalty,
    healthyPanicThreshold: 0,
    origin: undefined,
  });
}
