/** Two proxies as between two pods: client, outbound, mutual TLS, inbound, origin. */
import type { VirtualClock } from "../../src/base/clock.ts";
import { TestAuthority, type TestCertificate } from "./certificates.ts";
import { originServer, running } from "./one-hop.ts";
import type { Peer, PeerServer } from "./peer.ts";
import { httpListener, type ProxySetup, startSetup, staticCluster } from "./proxy-setup.ts";

const ENVOY = "type.googleapis.com/envoy.extensions";
const TLS = `${ENVOY}.transport_sockets.tls.v3`;
const TCP = `${ENVOY}.filters.network.tcp_proxy.v3.TcpProxy`;

/** What both sidecars of a mesh show, and trust. */
export interface MeshIdentity {
  readonly authority: TestAuthority;
  readonly certificate: TestCertificate;
}

export async function meshIdentity(): Promise<MeshIdentity> {
  const authority = await TestAuthority.create();
  const sans = [{ type: "dns", value: "one.example" }] as const;
  return { authority, certificate: await authority.issue({ name: "one", sans }) };
}

function common(
  { authority, certificate }: MeshIdentity,
  alpn_protocols: readonly string[],
): { common_tls_context: object } {
  return {
    common_tls_context: {
      alpn_protocols,
      tls_certificates: [
        {
          certificate_chain: { inline_string: certificate.chain },
          private_key: { inline_string: certificate.key },
        },
      ],
      validation_context: { trusted_ca: { inline_string: authority.pem } },
    },
  };
}

/** A filter chain's transport socket. */
export function terminating(
  identity: MeshIdentity,
  alpn: readonly string[] = [],
): {
  readonly name: string;
  readonly typed_config: { readonly common_tls_context: object };
} {
  const typed_config = {
    "@type": `${TLS}.DownstreamTlsContext`,
    require_client_certificate: true,
    ...common(identity, alpn),
  };
  return { name: "tls", typed_config };
}

/** A cluster's transport socket. */
export function originating(identity: MeshIdentity, alpn: readonly string[] = []): object {
  const typed_config = { "@type": `${TLS}.UpstreamTlsContext`, ...common(identity, alpn) };
  return { name: "tls", typed_config };
}

/** A listener `in` with a TCP proxy. */
export function tcpListener(
  cluster: string,
  more: object = {},
): { filter_chains: object[] } & object {
  const typed_config = { "@type": TCP, stat_prefix: cluster, cluster, ...more };
  return {
    name: "in",
    address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
    filter_chains: [{ filters: [{ name: "tcp", typed_config }] }],
  } as { filter_chains: object[] } & object;
}

export interface PairOptions {
  readonly carrying?: boolean;
  /** Of the outbound side; the inbound side always carries. */
  readonly clock?: VirtualClock;
  /** Envoy's fields of the outbound side's cluster `peer`. */
  readonly cluster?: Record<string, unknown>;
  /** Of the inbound side's cluster `origin`. */
  readonly behind?: Record<string, unknown>;
  /** Network filters before the inbound side's own. */
  readonly before?: readonly object[];
  /** Envoy's fields of the connection managers: an HTTP pair. */
  readonly hcm?: Record<string, unknown>;
  /** Of the outbound side's route to `peer`, in an HTTP pair. */
  readonly route?: Record<string, unknown>;
  /** Of the inbound side's connection manager, where they differ. */
  readonly behindHcm?: Record<string, unknown>;
}

export interface ProxyPair {
  readonly outbound: ProxySetup;
  readonly inbound: ProxySetup;
  readonly origin: PeerServer;
  client(): Promise<Peer>;
  /** Connections that the inbound side has accepted. */
  readonly accepted: number;
}

/** Two TCP proxies, or HTTP proxies where there are options for those. */
export async function proxyPair(
  identity: MeshIdentity,
  options: PairOptions = {},
): Promise<ProxyPair> {
  const {
    before = [],
    behind: more,
    carrying = true,
    clock,
    cluster,
    hcm,
    behindHcm = hcm,
    route = {},
  } = options;
  const origin = await originServer();
  const listener = (to: string, manager = hcm): { filter_chains: object[] } & object =>
    manager === undefined
      ? tcpListener(to)
      : (httpListener({
          hcm: manager,
          routes: [
            { match: { prefix: "/" }, route: { cluster: to, ...(to === "peer" ? route : {}) } },
          ],
        }) as { filter_chains: object[] });
  const behind = listener("origin", behindHcm);
  const chains = (behind.filter_chains as { filters: object[] }[]).map((chain) => ({
    ...chain,
    filters: [...before, ...chain.filters],
    transport_socket: terminating(identity),
  }));
  const inbound = await startSetup(
    [{ ...behind, filter_chains: chains }],
    [staticCluster("origin", [origin.port], more)],
  );
  const peer = staticCluster("peer", [inbound.port()], {
    transport_socket: originating(identity),
    ...cluster,
  });
  const outbound = await startSetup([listener("peer")], [peer], clock, undefined, carrying);
  running.push(outbound, inbound);
  return {
    outbound,
    inbound,
    origin,
    client: () => outbound.client(),
    get accepted(): number {
      const address = { kind: "socket", host: "127.0.0.1", port: 0 } as const;
      return inbound.proxy.telemetry.listener(address).value("downstream_cx_total");
    },
  };
}
