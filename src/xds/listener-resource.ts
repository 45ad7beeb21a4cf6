import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { CidrRange as CidrRangeMessage } from "../gen/envoy/config/core/v3/address_pb.js";
import { TrafficDirection } from "../gen/envoy/config/core/v3/base_pb.js";
import {
  type FilterChainMatch as FilterChainMatchMessage,
  FilterChainMatchSchema,
  type FilterChain as FilterChainMessage,
  FilterChainSchema,
  type ListenerFilter as ListenerFilterMessage,
} from "../gen/envoy/config/listener/v3/listener_components_pb.js";
import {
  type Listener as ListenerMessage,
  ListenerSchema,
} from "../gen/envoy/config/listener/v3/listener_pb.js";
import { HttpInspectorSchema } from "../gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js";
import { OriginalDstSchema } from "../gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js";
import { TlsInspectorSchema } from "../gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js";
import { HttpConnectionManagerSchema } from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { TcpProxySchema } from "../gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import type {
  CidrRange,
  FilterChain,
  FilterChainMatch,
  HttpConnectionManager,
  Listener,
  ListenerFilter,
  TcpProxy,
  TelemetryFilter,
} from "../model/listener.ts";
import type { Place } from "./check/place.ts";
import { decodeAddress, encodeAddress } from "./message/address.ts";
import { packEmpty, typeNameOf, unpack } from "./message/any.ts";
import type { EncodeFor } from "./message/flavor.ts";
import { decodeExplicitProxy, decodeOrigin, encodeOurs } from "./message/metadata.ts";
import { durationOr, keyOf, toDuration } from "./message/scalar.ts";
import { decodeManager, packManager } from "./network/connection-manager.ts";
import { decodeTcpProxy, packTcpProxy } from "./network/tcp-proxy.ts";
import {
  decodeTelemetry,
  encodeTelemetry,
  isTypedStruct,
  TELEMETRY_NAME,
} from "./network/telemetry-filter.ts";
import { decodeDownstreamTls, encodeDownstreamTls } from "./tls/transport-socket.ts";

const LISTENER_FILTERS_MS = 15_000;

const DIRECTION: Readonly<Record<Listener["direction"], TrafficDirection>> = {
  unspecified: TrafficDirection.UNSPECIFIED,
  inbound: TrafficDirection.INBOUND,
  outbound: TrafficDirection.OUTBOUND,
};

const LISTENER_FILTERS = {
  originalDst: { name: "envoy.filters.listener.original_dst", schema: OriginalDstSchema },
  httpInspector: { name: "envoy.filters.listener.http_inspector", schema: HttpInspectorSchema },
  tlsInspector: { name: "envoy.filters.listener.tls_inspector", schema: TlsInspectorSchema },
} as const;

const NOWHERE: TcpProxy = {
  kind: "tcp",
  statPrefix: "",
  clusters: [],
  idleTimeoutMs: 0,
  telemetry: undefined,
};

export function decodeListener(message: ListenerMessage, place: Place): Listener {
  const explicit = decodeExplicitProxy(message.metadata);
  const chains = place.field("filter_chains");
  const { defaultFilterChain, useOriginalDst } = message;
  if (message.filterChains.length === 0 && defaultFilterChain === undefined && !useOriginalDst) {
    chains.refuse("are missing", 0, "at least one");
  }
  return {
    name: message.name,
    address: decodeAddress(message.address, place.field("address")),
    bindToPort: message.bindToPort ?? true,
    useOriginalDst: useOriginalDst ?? false,
    direction: keyOf(DIRECTION, message.trafficDirection) ?? "unspecified",
    filterChains: message.filterChains.map((chain, i) =>
      decodeChain(chain, explicit, chains.item(i)),
    ),
    defaultFilterChain:
      defaultFilterChain === undefined
        ? undefined
        : decodeChain(defaultFilterChain, explicit, place.field("default_filter_chain")),
    listenerFilters: decodeListenerFilters(message, place.field("listener_filters")),
    listenerFiltersTimeoutMs: durationOr(message.listenerFiltersTimeout, LISTENER_FILTERS_MS),
    continueOnListenerFiltersTimeout: message.continueOnListenerFiltersTimeout,
    origin: decodeOrigin(message.metadata),
  };
}

function decodeListenerFilters(message: ListenerMessage, place: Place): ListenerFilter[] {
  return message.listenerFilters.flatMap((filter, i) => {
    const { configType } = filter;
    const any = configType.case === "typedConfig" ? configType.value : undefined;
    const kind = filterKind(filter, any);
    if (kind !== undefined) return [kind];
    const at = place.item(i).field("typed_config");
    if (any === undefined) at.refuse("is missing", filter.name);
    else at.refuse("is no listener filter that is executed", any.typeUrl);
    return [];
  });
}

function filterKind(
  filter: ListenerFilterMessage,
  any: Any | undefined,
): ListenerFilter | undefined {
  for (const kind of Object.keys(LISTENER_FILTERS) as ListenerFilter[]) {
    const { name, schema } = LISTENER_FILTERS[kind];
    const found =
      any === undefined ? filter.name === name : typeNameOf(any.typeUrl) === schema.typeName;
    if (found) return kind;
  }
  return undefined;
}

function decodeChain(message: FilterChainMessage, explicit: boolean, place: Place): FilterChain {
  return {
    name: message.name,
    tls: decodeDownstreamTls(message.transportSocket, place.field("transport_socket")),
    match: decodeMatch(message.filterChainMatch, place.field("filter_chain_match")),
    filter: decodeFilters(message, explicit, place.field("filters")),
  };
}

function decodeMatch(message: FilterChainMatchMessage | undefined, place: Place): FilterChainMatch {
  const transport = message?.transportProtocol ?? "";
  if (transport !== "" && transport !== "raw_buffer" && transport !== "tls") {
    place.field("transport_protocol").refuse("is not known", transport, "raw_buffer, tls");
  }
  return {
    destinationPort: message?.destinationPort,
    prefixRanges: (message?.prefixRanges ?? []).map(decodeRange),
    serverNames: decodeServerNames(message, place.field("server_names")),
    applicationProtocols: message?.applicationProtocols ?? [],
    transportProtocol: transport === "raw_buffer" || transport === "tls" ? transport : "",
  };
}

/** Names are compared without regard to case; `*` may stand for whole labels in front alone. */
function decodeServerNames(
  message: FilterChainMatchMessage | undefined,
  place: Place,
): readonly string[] {
  return (message?.serverNames ?? []).map((name, i) => {
    const bare = name.startsWith("*.") ? name.slice(2) : name;
    if (bare === "" || bare.includes("*")) {
      place.item(i).refuse("is no server name", name, "a name, or *. and a name");
    }
    return name.toLowerCase();
  });
}

/** A range without `prefix_len` is a range of length 0, as in Envoy. */
function decodeRange(message: CidrRangeMessage): CidrRange {
  return { address: message.addressPrefix, prefixLength: message.prefixLen ?? 0 };
}

/** One terminal filter, and before it nothing but our own telemetry (on TCP). */
function decodeFilters(
  message: FilterChainMessage,
  explicit: boolean,
  place: Place,
): HttpConnectionManager | TcpProxy {
  let telemetry: TelemetryFilter | undefined;
  let terminal: HttpConnectionManager | TcpProxy | undefined;
  message.filters.forEach(({ name, configType }, i) => {
    const at = place.item(i).field("typed_config");
    if (configType.case !== "typedConfig") at.refuse("is missing", name);
    else if (terminal !== undefined) at.refuse("stands behind the terminal filter", name);
    else if (isTypedStruct(configType.value)) telemetry = decodeTelemetry(configType.value, at);
    else terminal = decodeTerminal(configType.value, explicit, telemetry, at);
  });
  if (message.filters.length === 0) place.refuse("are missing", 0, "a terminal filter");
  if (telemetry !== undefined && terminal?.kind === "http") {
    place.refuse("have telemetry before the HTTP connection manager", undefined, "an HTTP filter");
  }
  return terminal ?? NOWHERE;
}

function decodeTerminal(
  any: Any,
  explicit: boolean,
  telemetry: TelemetryFilter | undefined,
  place: Place,
): HttpConnectionManager | TcpProxy {
  const manager = unpack(any, HttpConnectionManagerSchema);
  if (manager !== undefined) return decodeManager(manager, explicit, place);
  const tcp = unpack(any, TcpProxySchema);
  if (tcp !== undefined) return decodeTcpProxy(tcp, telemetry, place);
  place.refuse("is no network filter that is executed", any.typeUrl);
  return NOWHERE;
}

export function encodeListener(listener: Listener, target: EncodeFor): ListenerMessage {
  const ours = target === "outrigger";
  const explicit = isExplicit(listener) ? { explicitProxy: true } : {};
  const metadata = ours ? encodeOurs(listener.origin, explicit) : undefined;
  const init: MessageInitShape<typeof ListenerSchema> = {
    name: listener.name,
    address: encodeAddress(listener.address),
    bindToPort: listener.bindToPort,
    useOriginalDst: listener.useOriginalDst,
    trafficDirection: DIRECTION[listener.direction],
    filterChains: listener.filterChains.map((chain) => encodeChain(chain, target)),
    listenerFilters: listener.listenerFilters.map(encodeListenerFilter),
    listenerFiltersTimeout: toDuration(listener.listenerFiltersTimeoutMs),
    continueOnListenerFiltersTimeout: listener.continueOnListenerFiltersTimeout,
  };
  const { defaultFilterChain } = listener;
  if (defaultFilterChain !== undefined) {
    init.defaultFilterChain = encodeChain(defaultFilterChain, target);
  }
  if (metadata !== undefined) init.metadata = metadata;
  return create(ListenerSchema, init);
}

function isExplicit(listener: Listener): boolean {
  const chains = [...listener.filterChains, listener.defaultFilterChain];
  return chains.some((chain) => chain?.filter.kind === "http" && chain.filter.explicitProxy);
}

function encodeListenerFilter(kind: ListenerFilter) {
  const { name, schema } = LISTENER_FILTERS[kind];
  return { name, configType: { case: "typedConfig" as const, value: packEmpty(schema) } };
}

function encodeChain(chain: FilterChain, target: EncodeFor): FilterChainMessage {
  return create(FilterChainSchema, {
    name: chain.name,
    ...encodeMatch(chain.match),
    ...(chain.tls === undefined ? {} : { transportSocket: encodeDownstreamTls(chain.tls) }),
    filters: encodeFilters(chain.filter, target),
  });
}

function encodeMatch(match: FilterChainMatch) {
  const { destinationPort, prefixRanges, transportProtocol } = match;
  const lists = [prefixRanges, match.serverNames, match.applicationProtocols];
  const empty =
    destinationPort === undefined &&
    lists.every((list) => list.length === 0) &&
    transportProtocol === "";
  if (empty) return {};
  const filterChainMatch = create(FilterChainMatchSchema, {
    ...(destinationPort === undefined ? {} : { destinationPort }),
    prefixRanges: prefixRanges.map(({ address, prefixLength }) => ({
      addressPrefix: address,
      prefixLen: prefixLength,
    })),
    serverNames: [...match.serverNames],
    applicationProtocols: [...match.applicationProtocols],
    transportProtocol,
  });
  return { filterChainMatch };
}

function encodeFilters(filter: HttpConnectionManager | TcpProxy, target: EncodeFor) {
  if (filter.kind === "http") {
    return [named("envoy.filters.network.http_connection_manager", packManager(filter, target))];
  }
  const terminal = named("envoy.filters.network.tcp_proxy", packTcpProxy(filter));
  if (filter.telemetry === undefined || target === "envoy") return [terminal];
  return [named(TELEMETRY_NAME, encodeTelemetry(filter.telemetry)), terminal];
}

function named(name: string, value: Any) {
  return { name, configType: { case: "typedConfig" as const, value } };
}
