import { CarryingOpener } from "../carry/carrying-opener.ts";
import { CarryingTcpOpener } from "../carry/carrying-tcp-opener.ts";
import type { Host } from "../cluster/host.ts";
import { type ConnectionOpener, Http1Pool } from "./http1/pool.ts";
import { socketOpener } from "./http1/socket-opener.ts";
import { Http2Pool } from "./http2/pool.ts";
import { NegotiatingPool } from "./negotiating-pool.ts";
import type { RequestPool } from "./request-pool.ts";
import { DirectOpener } from "./tcp/direct-opener.ts";
import type { TcpOpener } from "./tcp/tcp-connection.ts";

/** The pools for requests that came as HTTP/1 and as HTTP/2: mostly one and the same. */
export interface EndpointPools {
  readonly http1: RequestPool;
  readonly http2: RequestPool;
}

/**
 * Connections that may be carried need TLS, as ALPN alone shows who can; and a carrier is nobody's
 * own, as PROXY protocol wants it.
 */
function mayBeCarried({ cluster, transport }: Host): boolean {
  const { proxyProtocol, tls } = transport;
  return tls !== undefined && proxyProtocol === undefined && cluster.context.carrying;
}

function openerFor(host: Host): ConnectionOpener {
  return mayBeCarried(host) ? new CarryingOpener(host) : socketOpener;
}

/** What opens connections for bytes of any protocol. */
export function tcpOpenerOf(host: Host): TcpOpener {
  return mayBeCarried(host) ? new CarryingTcpOpener(host) : new DirectOpener();
}

/** By the protocol that the cluster speaks (Envoy: ClusterInfo::upstreamHttpProtocol). */
export function poolsOf(host: Host): EndpointPools {
  switch (host.cluster.config.protocol) {
    case "http2":
      return alike(new Http2Pool(host));
    case "downstream":
      return { http1: new Http1Pool(host, openerFor(host)), http2: new Http2Pool(host) };
    case "alpn":
      return alike(new NegotiatingPool(host));
    default:
      return alike(new Http1Pool(host, openerFor(host)));
  }
}

function alike(pool: RequestPool): EndpointPools {
  return { http1: pool, http2: pool };
}
