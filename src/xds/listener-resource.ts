import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { TrafficDirection } from "../gen/envoy/config/core/v3/base_pb.js";
import {
  type FilterChain as FilterChainMessage,
  FilterChainSchema,
} from "../gen/envoy/config/listener/v3/listener_components_pb.js";
import {
  type Listener as ListenerMessage,
  ListenerSchema,
} from "../gen/envoy/config/listener/v3/listener_pb.js";
import { HttpConnectionManagerSchema } from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { TcpProxySchema } from "../gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import type { NetworkRbac } from "../model/filter/rbac.ts";
import type {
  ConnectionLimit,
  FilterChain,
  HttpConnectionManager,
  Listener,
  TcpProxy,
  TelemetryFilter,
} from "../model/listener.ts";
import { decodeAccessLogs, encodeAccessLog } from "./access-log/access-log.ts";
import type { Place } from "./check/place.ts";
import { FILTER_NAMES } from "./filter/names.ts";
import {
  isNetworkRbac,
  NETWORK_RBAC_NAME,
  packNetworkRbac,
  unpackNetworkRbac,
} from "./filter/rbac/network-rbac.ts";
import { decodeMatch, encodeMatch, refuseTwins } from "./listener/filter-chain-match.ts";
import { decodeListenerFilters, encodeListenerFilter } from "./listener/listener-filter.ts";
import { decodeAddress, encodeAddress } from "./message/address.ts";
import { unpack } from "./message/any.ts";
import type { EncodeFor } from "./message/flavor.ts";
import { decodeExplicitProxy, decodeOrigin, encodeOurs } from "./message/metadata.ts";
import { durationOr, keyOf, toDuration } from "./message/scalar.ts";
import {
  decodeConnectionLimit,
  isConnectionLimit,
  packConnectionLimit,
} from "./network/connection-limit.ts";
import { decodeManager, packManager } from "./network/connection-manager.ts";
import { decodeTcpProxy, packTcpProxy } from "./network/tcp-proxy.ts";
import { decodeTelemetry, encodeTelemetry, isTypedStruct } from "./network/telemetry-filter.ts";
import { decodeDownstreamTls, encodeDownstreamTls } from "./tls/transport-socket.ts";

const LISTENER_FILTERS_MS = 15_000;

const DIRECTION: Readonly<Record<Listener["direction"], TrafficDirection>> = {
  unspecified: TrafficDirection.UNSPECIFIED,
  inbound: TrafficDirection.INBOUND,
  outbound: TrafficDirection.OUTBOUND,
};

const LIMIT_NAME = "envoy.filters.network.local_ratelimit";

const NOWHERE: TcpProxy = {
  kind: "tcp",
  statPrefix: "",
  clusters: [],
  idleTimeoutMs: 0,
  hashesSourceIp: false,
  maxConnectionDurationMs: 0,
  maxConnectAttempts: 1,
  limit: undefined,
  accessLogs: [],
  telemetry: undefined,
};

export function decodeListener(message: ListenerMessage, place: Place): Listener {
  const explicit = decodeExplicitProxy(message.metadata);
  const chains = place.field("filter_chains");
  const { defaultFilterChain, useOriginalDst } = message;
  if (message.filterChains.length === 0 && defaultFilterChain === undefined && !useOriginalDst) {
    chains.refuse("are missing", 0, "at least one");
  }
  const filterChains = message.filterChains.map((chain, i) =>
    decodeChain(chain, explicit, chains.item(i)),
  );
  refuseTwins(
    filterChains.map(({ match }) => match),
    chains,
  );
  return {
    name: message.name,
    address: decodeAddress(message.address, place.field("address")),
    bindToPort: message.bindToPort ?? true,
    useOriginalDst: useOriginalDst ?? false,
    direction: keyOf(DIRECTION, message.trafficDirection) ?? "unspecified",
    filterChains,
    defaultFilterChain:
      defaultFilterChain === undefined
        ? undefined
        : decodeChain(defaultFilterChain, explicit, place.field("default_filter_chain")),
    listenerFilters: decodeListenerFilters(
      message.listenerFilters,
      place.field("listener_filters"),
    ),
    listenerFiltersTimeoutMs: durationOr(message.listenerFiltersTimeout, LISTENER_FILTERS_MS),
    continueOnListenerFiltersTimeout: message.continueOnListenerFiltersTimeout,
    ...decodeLogs(message, place),
    origin: decodeOrigin(message.metadata),
  };
}

/** Left out where there are none. */
function decodeLogs({ accessLog }: ListenerMessage, place: Place): Pick<Listener, "accessLogs"> {
  if (accessLog.length === 0) return {};
  return { accessLogs: decodeAccessLogs(accessLog, place.field("access_log")) };
}

function decodeChain(message: FilterChainMessage, explicit: boolean, place: Place): FilterChain {
  return {
    name: message.name,
    tls: decodeDownstreamTls(message.transportSocket, place.field("transport_socket")),
    match: decodeMatch(message.filterChainMatch, place.field("filter_chain_match")),
    filter: decodeFilters(message, explicit, place.field("filters")),
  };
}

/** One terminal filter, and before it on TCP policies, a limit, and our own telemetry. */
function decodeFilters(
  message: FilterChainMessage,
  explicit: boolean,
  place: Place,
): HttpConnectionManager | TcpProxy {
  let telemetry: TelemetryFilter | undefined;
  let limit: ConnectionLimit | undefined;
  const rbac: NetworkRbac[] = [];
  let terminal: HttpConnectionManager | TcpProxy | undefined;
  message.filters.forEach(({ name, configType }, i) => {
    const at = place.item(i).field("typed_config");
    if (configType.case !== "typedConfig") at.refuse("is missing", name);
    else if (terminal !== undefined) at.refuse("stands behind the terminal filter", name);
    else if (isTypedStruct(configType.value)) telemetry = decodeTelemetry(configType.value, at);
    else if (isNetworkRbac(configType.value)) rbac.push(...unpackNetworkRbac(configType.value, at));
    else if (limit === undefined && isConnectionLimit(configType.value)) {
      limit = decodeConnectionLimit(configType.value, at);
    } else terminal = decodeTerminal(configType.value, explicit, telemetry, at);
  });
  if (message.filters.length === 0) place.refuse("are missing", 0, "a terminal filter");
  if (telemetry !== undefined && terminal?.kind === "http") {
    place.refuse("have telemetry before the HTTP connection manager", undefined, "an HTTP filter");
  }
  if (terminal === undefined) return NOWHERE;
  if (terminal.kind === "tcp") return { ...terminal, limit, ...(rbac.length > 0 && { rbac }) };
  if (limit !== undefined) {
    place.refuse("limit connections before the HTTP connection manager", undefined, "a TCP proxy");
  }
  if (rbac.length > 0) {
    place.refuse("have policies before the HTTP connection manager", undefined, "an HTTP filter");
  }
  return terminal;
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
    accessLog: (listener.accessLogs ?? []).map(encodeAccessLog),
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

function encodeChain(chain: FilterChain, target: EncodeFor): FilterChainMessage {
  const filterChainMatch = encodeMatch(chain.match);
  return create(FilterChainSchema, {
    name: chain.name,
    ...(filterChainMatch === undefined ? {} : { filterChainMatch }),
    ...(chain.tls === undefined ? {} : { transportSocket: encodeDownstreamTls(chain.tls) }),
    filters: encodeFilters(chain.filter, target),
  });
}

function encodeFilters(filter: HttpConnectionManager | TcpProxy, target: EncodeFor) {
  if (filter.kind === "http") {
    return [named("envoy.filters.network.http_connection_manager", packManager(filter, target))];
  }
  const terminal = named("envoy.filters.network.tcp_proxy", packTcpProxy(filter));
  const { limit, rbac = [], telemetry } = filter;
  const before = rbac.map((one) => named(NETWORK_RBAC_NAME, packNetworkRbac(one)));
  if (limit !== undefined) before.push(named(LIMIT_NAME, packConnectionLimit(limit)));
  if (telemetry === undefined || target === "envoy") return [...before, terminal];
  return [...before, named(FILTER_NAMES.telemetry, encodeTelemetry(telemetry)), terminal];
}

function named(name: string, value: Any) {
  return { name, configType: { case: "typedConfig" as const, value } };
}
