import type { Cluster, UpstreamProtocol } from "../../model/cluster.ts";
import type { ConnectionPoolSettings } from "../../model/destination-policy.ts";
import type { PortProtocol } from "../../model/mesh.ts";
import { HTTP2_DEFAULTS, type Http2Options } from "../../model/transport/http2.ts";

type Spoken = Pick<Cluster, "protocol" | "http2">;

/** Istio's, where Envoy's is 1024: how many streams fit is the endpoint's to say. */
const ISTIO_STREAMS = 1_073_741_824;

const ISTIO_HTTP2: Http2Options = { ...HTTP2_DEFAULTS, maxConcurrentStreams: ISTIO_STREAMS };

const OF_PORT: Readonly<Record<PortProtocol, UpstreamProtocol>> = {
  http: "http1",
  http2: "http2",
  grpc: "http2",
  grpcWeb: "http2",
  auto: "downstream",
  https: "http1",
  tls: "http1",
  tcp: "http1",
  udp: "http1",
};

/** Whatever the client speaks: for destinations that nobody has declared. */
export const AS_CLIENT: Spoken = { protocol: "downstream", http2: ISTIO_HTTP2 };

/** Towards a service's endpoints: the port's protocol, unless a DestinationRule says otherwise. */
export function outboundProtocol(
  port: PortProtocol,
  pool: ConnectionPoolSettings | undefined,
): Spoken {
  const declared = OF_PORT[port];
  const isHttp = port === "http" || port === "auto";
  return spoken(isHttp && pool?.upgradesToHttp2 === true ? "http2" : declared, pool);
}

/** Towards the pod's own application, which `h2UpgradePolicy` does not concern. */
export function inboundProtocol(
  port: PortProtocol,
  pool: ConnectionPoolSettings | undefined,
): Spoken {
  return spoken(OF_PORT[port], pool);
}

function spoken(protocol: UpstreamProtocol, pool: ConnectionPoolSettings | undefined): Spoken {
  if (pool?.useClientProtocol === true) return AS_CLIENT;
  if (protocol === "downstream") return AS_CLIENT;
  if (protocol !== "http2") return { protocol, http2: HTTP2_DEFAULTS };
  return { protocol, http2: withPool(pool) };
}

function withPool(pool: ConnectionPoolSettings | undefined): Http2Options {
  return {
    ...ISTIO_HTTP2,
    maxConcurrentStreams: pool?.maxConcurrentStreams ?? ISTIO_STREAMS,
    keepaliveIntervalMs: pool?.http2Keepalive?.intervalMs ?? 0,
    keepaliveTimeoutMs: pool?.http2Keepalive?.timeoutMs ?? 0,
  };
}
