import type { Host } from "../cluster/host.ts";
import { Http1UpstreamConnection } from "./http1/connection.ts";
import { type ConnectionOpener, Http1Pool } from "./http1/pool.ts";
import { Http2Pool } from "./http2/pool.ts";
import type { RequestPool } from "./request-pool.ts";

/** The pools for requests that came as HTTP/1 and as HTTP/2: mostly one and the same. */
export interface EndpointPools {
  readonly http1: RequestPool;
  readonly http2: RequestPool;
}

const socketOpener: ConnectionOpener = { open: (pool) => new Http1UpstreamConnection(pool) };

/** By the protocol that the cluster speaks (Envoy: ClusterInfo::upstreamHttpProtocol). */
export function poolsOf(host: Host): EndpointPools {
  switch (host.cluster.config.protocol) {
    case "http2":
      return alike(new Http2Pool(host));
    case "downstream":
      return { http1: new Http1Pool(host, socketOpener), http2: new Http2Pool(host) };
    default:
      return alike(new Http1Pool(host, socketOpener));
  }
}

function alike(pool: RequestPool): EndpointPools {
  return { http1: pool, http2: pool };
}
