import type {
  FilterChain,
  FilterChainMatch,
  HttpConnectionManager,
  TcpProxy,
} from "../../../model/listener.ts";
import type { DownstreamTls } from "../../../model/transport/tls.ts";
import { tcpProxy } from "../filter-chain.ts";
import { MESH_ALPN, MESH_HTTP_ALPN, MESH_TCP_ALPN } from "../mutual-tls/alpn.ts";
import { BLACK_HOLE_CLUSTER } from "../names.ts";
import type { Carriage } from "../service-view.ts";

/**
 * How a port is guarded: `disable` and `permissive` and `strict` as Istio means them; `closed`
 * where a policy asks for mTLS and the proxy has no certificate to take it with.
 */
export type Guard = "disable" | "permissive" | "strict" | "closed";

/** How a sidecar takes mTLS. */
export interface MeshServer {
  readonly http: DownstreamTls;
  readonly tcp: DownstreamTls;
}

/** What is served at a port, whoever asks. */
export interface Served {
  readonly name: string;
  readonly carriage: Carriage;
  /** The port, or nothing for all that have no chains of their own. */
  readonly match: FilterChainMatch;
  readonly http: HttpConnectionManager;
  readonly tcp: TcpProxy;
}

/**
 * Istio's filter chain matches (pilot: `getFilterChainMatchOptions`). TLS of the mesh is known by
 * its ALPN ids, before any certificate; under `permissive` other TLS is the application's own and
 * passed through where it may be TCP. `server`: undefined where there is no certificate.
 */
export function portChains(
  served: Served,
  guard: Guard,
  server: MeshServer | undefined,
): readonly FilterChain[] {
  if (guard === "closed" || (guard === "strict" && server === undefined)) return [closed(served)];
  const encrypted = guard === "disable" || server === undefined ? [] : meshed(served, server);
  if (guard === "strict") return encrypted.map((chain, index) => strictly(chain, index, encrypted));
  return encrypted.length === 0 ? unencrypted(served) : [...encrypted, ...beside(served)];
}

/** TLS of the mesh. */
function meshed(served: Served, server: MeshServer): readonly FilterChain[] {
  const { name, match, carriage } = served;
  const tls = { ...match, transportProtocol: "tls" } as const;
  const http = (protocols: readonly string[]): FilterChain => ({
    name: `${name}-mtls`,
    match: { ...tls, applicationProtocols: protocols },
    tls: server.http,
    filter: served.http,
  });
  const tcp = (suffix: string, protocols: readonly string[]): FilterChain => ({
    name: `${name}${suffix}`,
    match: { ...tls, applicationProtocols: protocols },
    tls: server.tcp,
    filter: served.tcp,
  });
  if (carriage === "http") return [http(MESH_ALPN)];
  if (carriage === "tcp") return [tcp("-mtls", MESH_ALPN)];
  return [http(MESH_HTTP_ALPN), tcp("-mtls-tcp", MESH_TCP_ALPN)];
}

/** The last one takes whatever is TLS: nothing but its certificate says who a client is. */
function strictly(
  chain: FilterChain,
  index: number,
  { length }: readonly FilterChain[],
): FilterChain {
  if (index < length - 1) return chain;
  return { ...chain, match: { ...chain.match, applicationProtocols: [] } };
}

/** Nobody's first bytes are asked for where they make no difference: a server may speak first. */
function unencrypted(served: Served): readonly FilterChain[] {
  const { name, match, carriage, http, tcp } = served;
  if (carriage === "sniffed") return beside(served);
  return [{ name, match, tls: undefined, filter: carriage === "http" ? http : tcp }];
}

/** What comes as it is, and TLS that is the application's own. */
function beside(served: Served): readonly FilterChain[] {
  const { name, match, carriage, http, tcp } = served;
  const raw = { ...match, transportProtocol: "raw_buffer" } as const;
  const tls = { ...match, transportProtocol: "tls" } as const;
  const ownTls = { name: `${name}-tls`, match: tls, tls: undefined, filter: tcp };
  if (carriage === "http") return [{ name, match: raw, tls: undefined, filter: http }];
  if (carriage === "tcp") return [{ name, match: raw, tls: undefined, filter: tcp }, ownTls];
  const spoken = { ...raw, applicationProtocols: ["http/1.0", "http/1.1", "h2c"] };
  return [
    { name, match: spoken, tls: undefined, filter: http },
    { name: `${name}-tcp`, match: raw, tls: undefined, filter: tcp },
    ownTls,
  ];
}

/** Closes connections before anything is read of them. */
function closed({ name, match }: Served): FilterChain {
  const filter = tcpProxy("inbound", [{ cluster: BLACK_HOLE_CLUSTER, weight: 1 }]);
  return { name: `${name}-closed`, match, tls: undefined, filter };
}
