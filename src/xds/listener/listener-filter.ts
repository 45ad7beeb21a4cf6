import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { ProxyProtocolConfig_Version as Version } from "../../gen/envoy/config/core/v3/proxy_protocol_pb.js";
import type { ListenerFilter as ListenerFilterMessage } from "../../gen/envoy/config/listener/v3/listener_components_pb.js";
import { HttpInspectorSchema } from "../../gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js";
import { OriginalDstSchema } from "../../gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js";
import { ProxyProtocolSchema } from "../../gen/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.js";
import { TlsInspectorSchema } from "../../gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js";
import type { ListenerFilter, ProxyProtocolFilter } from "../../model/listener.ts";
import type { ProxyProtocolVersion } from "../../model/transport/proxy-protocol.ts";
import type { Place } from "../check/place.ts";
import { pack, packEmpty, typeNameOf, unpack } from "../message/any.ts";
import { keyOf } from "../message/scalar.ts";

type Plain = Exclude<ListenerFilter, ProxyProtocolFilter>;

const PLAIN = {
  originalDst: { name: "envoy.filters.listener.original_dst", schema: OriginalDstSchema },
  httpInspector: { name: "envoy.filters.listener.http_inspector", schema: HttpInspectorSchema },
  tlsInspector: { name: "envoy.filters.listener.tls_inspector", schema: TlsInspectorSchema },
} as const;

const PROXY_PROTOCOL = "envoy.filters.listener.proxy_protocol";

export const VERSIONS: Readonly<Record<ProxyProtocolVersion, Version>> = {
  v1: Version.V1,
  v2: Version.V2,
};

export function decodeListenerFilters(
  messages: readonly ListenerFilterMessage[],
  place: Place,
): ListenerFilter[] {
  const filters = messages.flatMap((message, i) => decodeFilter(message, place.item(i)) ?? []);
  refuseOrder(filters, place);
  return filters;
}

function decodeFilter(message: ListenerFilterMessage, place: Place): ListenerFilter | undefined {
  const { configType, name } = message;
  const any = configType.case === "typedConfig" ? configType.value : undefined;
  const at = place.field("typed_config");
  const filter = plainFilter(name, any) ?? proxyProtocol(name, any, at);
  if (filter !== undefined) return filter;
  if (any === undefined) at.refuse("is missing", name);
  else at.refuse("is no listener filter that is executed", any.typeUrl);
  return undefined;
}

function plainFilter(filterName: string, any: Any | undefined): Plain | undefined {
  for (const kind of Object.keys(PLAIN) as Plain[]) {
    const { name, schema } = PLAIN[kind];
    const found =
      any === undefined ? filterName === name : typeNameOf(any.typeUrl) === schema.typeName;
    if (found) return kind;
  }
  return undefined;
}

/** The name alone is the filter with its defaults. */
function proxyProtocol(
  name: string,
  any: Any | undefined,
  place: Place,
): ProxyProtocolFilter | undefined {
  const bare = any === undefined && name === PROXY_PROTOCOL;
  const message = bare ? create(ProxyProtocolSchema) : unpack(any, ProxyProtocolSchema);
  if (message === undefined) return undefined;
  const disallowedVersions = message.disallowedVersions.flatMap((version) => {
    return keyOf(VERSIONS, version) ?? [];
  });
  if (new Set(disallowedVersions).size === Object.keys(VERSIONS).length) {
    place.field("disallowed_versions").refuse("leave no version", disallowedVersions);
  }
  return {
    kind: "proxyProtocol",
    allowWithout: message.allowRequestsWithoutProxyProtocol,
    disallowedVersions,
    statPrefix: message.statPrefix,
  };
}

/** The header is the first thing on a connection: an inspector before it would look at that. */
function refuseOrder(filters: readonly ListenerFilter[], place: Place): void {
  let inspected = false;
  let headed = false;
  filters.forEach((filter, i) => {
    if (typeof filter === "string") {
      inspected ||= filter !== "originalDst";
      return;
    }
    if (inspected) place.item(i).refuse("stands behind an inspector", PROXY_PROTOCOL);
    if (headed) place.item(i).refuse("stands there twice", PROXY_PROTOCOL);
    headed = true;
  });
}

export function encodeListenerFilter(filter: ListenerFilter): {
  readonly name: string;
  readonly configType: { readonly case: "typedConfig"; readonly value: Any };
} {
  if (typeof filter === "string") {
    const { name, schema } = PLAIN[filter];
    return { name, configType: { case: "typedConfig", value: packEmpty(schema) } };
  }
  const message = create(ProxyProtocolSchema, {
    allowRequestsWithoutProxyProtocol: filter.allowWithout,
    disallowedVersions: filter.disallowedVersions.map((version) => VERSIONS[version]),
    statPrefix: filter.statPrefix,
  });
  const value = pack(ProxyProtocolSchema, message);
  return { name: PROXY_PROTOCOL, configType: { case: "typedConfig", value } };
}
