import {
  create,
  createRegistry,
  type DescMessage,
  fromBinary,
  type Message,
  type MessageShape,
  type Registry,
} from "@bufbuild/protobuf";
import { type Any, AnySchema, anyPack } from "@bufbuild/protobuf/wkt";
import { ClusterSchema } from "../../gen/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "../../gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "../../gen/envoy/config/listener/v3/listener_pb.js";
import { ScaleTimersOverloadActionConfigSchema } from "../../gen/envoy/config/overload/v3/overload_pb.js";
import { RouteConfigurationSchema } from "../../gen/envoy/config/route/v3/route_pb.js";
import { FileAccessLogSchema } from "../../gen/envoy/extensions/access_loggers/file/v3/file_pb.js";
import {
  StderrAccessLogSchema,
  StdoutAccessLogSchema,
} from "../../gen/envoy/extensions/access_loggers/stream/v3/stream_pb.js";
import {
  CorsPolicySchema,
  CorsSchema,
} from "../../gen/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import {
  ExtAuthzPerRouteSchema,
  ExtAuthzSchema,
} from "../../gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js";
import { HTTPFaultSchema as FaultSchema } from "../../gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { GrpcWebSchema } from "../../gen/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb.js";
import {
  JwtAuthenticationSchema,
  PerRouteConfigSchema as JwtPerRouteSchema,
} from "../../gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import { LocalRateLimitSchema } from "../../gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.js";
import {
  RBACPerRouteSchema,
  RBACSchema,
} from "../../gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import { RouterSchema } from "../../gen/envoy/extensions/filters/http/router/v3/router_pb.js";
import {
  StatefulSessionPerRouteSchema,
  StatefulSessionSchema,
} from "../../gen/envoy/extensions/filters/http/stateful_session/v3/stateful_session_pb.js";
import { HttpInspectorSchema } from "../../gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js";
import { OriginalDstSchema } from "../../gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js";
import { ProxyProtocolSchema } from "../../gen/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.js";
import { TlsInspectorSchema } from "../../gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js";
import { HttpConnectionManagerSchema } from "../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { LocalRateLimitSchema as ConnectionLimitSchema } from "../../gen/envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit_pb.js";
import { RBACSchema as NetworkRbacSchema } from "../../gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js";
import { TcpProxySchema } from "../../gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import { CookieBasedSessionStateSchema } from "../../gen/envoy/extensions/http/stateful_session/cookie/v3/cookie_pb.js";
import { HeaderBasedSessionStateSchema } from "../../gen/envoy/extensions/http/stateful_session/header/v3/header_pb.js";
import { ClusterProvidedSchema } from "../../gen/envoy/extensions/load_balancing_policies/cluster_provided/v3/cluster_provided_pb.js";
import { LeastRequestSchema } from "../../gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.js";
import { MaglevSchema } from "../../gen/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.js";
import { RandomSchema } from "../../gen/envoy/extensions/load_balancing_policies/random/v3/random_pb.js";
import { RingHashSchema } from "../../gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.js";
import { RoundRobinSchema } from "../../gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.js";
import { CaresDnsResolverConfigSchema } from "../../gen/envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver_pb.js";
import { UriTemplateMatchConfigSchema } from "../../gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js";
import { DownstreamConnectionsConfigSchema } from "../../gen/envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections_pb.js";
import { FixedHeapConfigSchema } from "../../gen/envoy/extensions/resource_monitors/fixed_heap/v3/fixed_heap_pb.js";
import { InjectedResourceConfigSchema } from "../../gen/envoy/extensions/resource_monitors/injected_resource/v3/injected_resource_pb.js";
import { PreviousHostsPredicateSchema } from "../../gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js";
import { ProxyProtocolUpstreamTransportSchema } from "../../gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.js";
import { RawBufferSchema } from "../../gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js";
import { SecretSchema } from "../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from "../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { SPIFFECertValidatorConfigSchema } from "../../gen/envoy/extensions/transport_sockets/tls/v3/tls_spiffe_validator_config_pb.js";
import { HttpProtocolOptionsSchema } from "../../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import { TypedStructSchema as UdpaTypedStructSchema } from "../../gen/udpa/type/v1/typed_struct_pb.js";
import { TypedStructSchema } from "../../gen/xds/type/v3/typed_struct_pb.js";

/** Every message that may stand in an Any: resources, and the extensions that are executed. */
export const REGISTRY: Registry = createRegistry(
  ListenerSchema,
  RouteConfigurationSchema,
  ClusterSchema,
  ClusterLoadAssignmentSchema,
  HttpConnectionManagerSchema,
  TcpProxySchema,
  RouterSchema,
  FaultSchema,
  GrpcWebSchema,
  JwtAuthenticationSchema,
  JwtPerRouteSchema,
  LocalRateLimitSchema,
  ConnectionLimitSchema,
  RBACSchema,
  RBACPerRouteSchema,
  NetworkRbacSchema,
  UriTemplateMatchConfigSchema,
  CorsSchema,
  CorsPolicySchema,
  ExtAuthzSchema,
  ExtAuthzPerRouteSchema,
  StatefulSessionSchema,
  StatefulSessionPerRouteSchema,
  CookieBasedSessionStateSchema,
  HeaderBasedSessionStateSchema,
  OriginalDstSchema,
  HttpInspectorSchema,
  TlsInspectorSchema,
  ProxyProtocolSchema,
  FileAccessLogSchema,
  StdoutAccessLogSchema,
  StderrAccessLogSchema,
  DownstreamConnectionsConfigSchema,
  FixedHeapConfigSchema,
  InjectedResourceConfigSchema,
  ScaleTimersOverloadActionConfigSchema,
  PreviousHostsPredicateSchema,
  RawBufferSchema,
  CaresDnsResolverConfigSchema,
  ProxyProtocolUpstreamTransportSchema,
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
  SecretSchema,
  SPIFFECertValidatorConfigSchema,
  HttpProtocolOptionsSchema,
  RoundRobinSchema,
  LeastRequestSchema,
  RandomSchema,
  RingHashSchema,
  MaglevSchema,
  ClusterProvidedSchema,
  TypedStructSchema,
  UdpaTypedStructSchema,
);

const PREFIX = "type.googleapis.com/";

/** `type.googleapis.com/envoy…Router` → `envoy…Router`. */
export function typeNameOf(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
}

export function typeUrlOf(schema: DescMessage): string {
  return PREFIX + schema.typeName;
}

/** The schema and message in an Any, or why there is none. */
export function open(any: Any): { schema: DescMessage; message: Message } | string {
  const schema = REGISTRY.getMessage(typeNameOf(any.typeUrl));
  if (schema === undefined) return "is an extension that is not executed";
  try {
    return { schema, message: fromBinary(schema, any.value) };
  } catch (error) {
    return `does not parse: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** The message, where the Any holds one of that type; whatever else it is, the check has said. */
export function unpack<Desc extends DescMessage>(
  any: Any | undefined,
  schema: Desc,
): MessageShape<Desc> | undefined {
  if (any === undefined || typeNameOf(any.typeUrl) !== schema.typeName) return undefined;
  try {
    return fromBinary(schema, any.value);
  } catch {
    return undefined;
  }
}

export function pack<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Any {
  return anyPack(schema, message);
}

/** An extension without settings. */
export function packEmpty(schema: DescMessage): Any {
  return create(AnySchema, { typeUrl: typeUrlOf(schema), value: new Uint8Array() });
}
