import { create } from "@bufbuild/protobuf";
import {
  type TransportSocket,
  TransportSocketSchema,
} from "../../gen/envoy/config/core/v3/base_pb.js";
import { ProxyProtocolUpstreamTransportSchema } from "../../gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.js";
import type { ProxyProtocolVersion } from "../../model/transport/proxy-protocol.ts";
import type { UpstreamTls } from "../../model/transport/tls.ts";
import type { Place } from "../check/place.ts";
import { VERSIONS } from "../listener/listener-filter.ts";
import { pack, unpack } from "../message/any.ts";
import { keyOf } from "../message/scalar.ts";
import { RAW_SOCKET } from "./raw-socket.ts";
import { decodeUpstreamTls, encodeUpstreamTls } from "./transport-socket.ts";

const NAME = "envoy.transport_sockets.upstream_proxy_protocol";

/** What stands between a cluster and its endpoints' sockets. */
export interface UpstreamSocket {
  readonly tls: UpstreamTls | undefined;
  readonly proxyProtocol: ProxyProtocolVersion | undefined;
}

/** A cluster's transport socket: bytes or TLS, maybe behind a PROXY protocol header. */
export function decodeUpstreamSocket(
  socket: TransportSocket | undefined,
  place: Place,
): UpstreamSocket {
  const { configType } = socket ?? {};
  const any = configType?.case === "typedConfig" ? configType.value : undefined;
  const proxied = unpack(any, ProxyProtocolUpstreamTransportSchema);
  if (proxied === undefined) {
    return { tls: decodeUpstreamTls(socket, place), proxyProtocol: undefined };
  }
  const inner = place.field("typed_config").field("transport_socket");
  return {
    tls: decodeUpstreamTls(proxied.transportSocket, inner),
    proxyProtocol: keyOf(VERSIONS, proxied.config?.version ?? VERSIONS.v1) ?? "v1",
  };
}

/** Undefined: plain bytes. */
export function encodeUpstreamSocket({
  proxyProtocol,
  tls,
}: UpstreamSocket): TransportSocket | undefined {
  const inner = tls === undefined ? undefined : encodeUpstreamTls(tls);
  if (proxyProtocol === undefined) return inner;
  const message = create(ProxyProtocolUpstreamTransportSchema, {
    config: { version: VERSIONS[proxyProtocol] },
    transportSocket: inner ?? RAW_SOCKET,
  });
  return create(TransportSocketSchema, {
    name: NAME,
    configType: { case: "typedConfig", value: pack(ProxyProtocolUpstreamTransportSchema, message) },
  });
}
