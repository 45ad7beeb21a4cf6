import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { GrpcWebSchema } from "../../gen/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb.js";
import { RouterSchema } from "../../gen/envoy/extensions/filters/http/router/v3/router_pb.js";
import {
  HttpConnectionManager_CodecType as Codec,
  HttpConnectionManagerSchema,
  type HttpConnectionManager as ManagerMessage,
  HttpConnectionManager_ServerHeaderTransformation as Transformation,
} from "../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type {
  CodecType,
  HttpConnectionManager,
  HttpFilter,
  RouteSource,
  ServerHeader,
} from "../../model/listener.ts";
import type { Place } from "../check/place.ts";
import { pack, packEmpty, typeNameOf } from "../message/any.ts";
import { ADS_SOURCE } from "../message/config-source.ts";
import type { EncodeFor } from "../message/flavor.ts";
import { decodeHttp1, decodeHttp2, encodeHttp1, encodeHttp2 } from "../message/http-options.ts";
import { durationMs, durationOr, keyOf, toDuration } from "../message/scalar.ts";
import { decodeRoutes, encodeRoutes } from "../route-resource.ts";
import { decodeAccessLogs, encodeAccessLog } from "./access-log.ts";
import {
  decodeTelemetry,
  encodeTelemetry,
  isTypedStruct,
  TELEMETRY_NAME,
} from "./telemetry-filter.ts";

const IDLE_MS = 3_600_000;
const STREAM_IDLE_MS = 300_000;
const DRAIN_MS = 5000;
const HEADERS_KB = 60;
const HEADERS_COUNT = 100;
const ROUTER_NAME = "envoy.filters.http.router";
const GRPC_WEB_NAME = "envoy.filters.http.grpc_web";

const CODEC: Readonly<Record<CodecType, Codec>> = {
  auto: Codec.AUTO,
  http1: Codec.HTTP1,
  http2: Codec.HTTP2,
};

const SERVER_HEADER: Readonly<Record<ServerHeader, Transformation>> = {
  overwrite: Transformation.OVERWRITE,
  appendIfAbsent: Transformation.APPEND_IF_ABSENT,
  passThrough: Transformation.PASS_THROUGH,
};

/** `explicitProxy` is the listener's to say: it stands in the listener's metadata. */
export function decodeManager(
  message: ManagerMessage,
  explicitProxy: boolean,
  place: Place,
): HttpConnectionManager {
  const common = message.commonHttpProtocolOptions;
  if (common?.maxConnectionDuration !== undefined) {
    const at = place.field("common_http_protocol_options").field("max_connection_duration");
    at.refuse("is not executed by Outrigger downstream");
  }
  return {
    kind: "http",
    statPrefix: message.statPrefix,
    codec: keyOf(CODEC, message.codecType) ?? "auto",
    http1: decodeHttp1(message.httpProtocolOptions),
    http2: decodeHttp2(message.http2ProtocolOptions),
    routes: decodeSource(message.routeSpecifier, place),
    httpFilters: decodeFilters(message, place.field("http_filters")),
    generateRequestId: message.generateRequestId ?? true,
    preserveExternalRequestId: message.preserveExternalRequestId,
    alwaysSetRequestIdInResponse: message.alwaysSetRequestIdInResponse,
    useRemoteAddress: message.useRemoteAddress ?? false,
    xffNumTrustedHops: message.xffNumTrustedHops,
    skipXffAppend: message.skipXffAppend,
    serverName: message.serverName === "" ? "envoy" : message.serverName,
    serverHeader: keyOf(SERVER_HEADER, message.serverHeaderTransformation) ?? "overwrite",
    via: message.via,
    idleTimeoutMs: durationOr(common?.idleTimeout, IDLE_MS),
    streamIdleTimeoutMs: durationOr(message.streamIdleTimeout, STREAM_IDLE_MS),
    requestTimeoutMs: durationMs(message.requestTimeout),
    requestHeadersTimeoutMs: durationMs(message.requestHeadersTimeout),
    maxRequestHeadersKb: message.maxRequestHeadersKb ?? HEADERS_KB,
    maxHeadersCount: common?.maxHeadersCount ?? HEADERS_COUNT,
    maxRequestsPerConnection: common?.maxRequestsPerConnection ?? 0,
    acceptHttp10: message.httpProtocolOptions?.acceptHttp10 ?? false,
    normalizePath: message.normalizePath ?? false,
    mergeSlashes: message.mergeSlashes,
    upgrades: message.upgradeConfigs.map((upgrade) => upgrade.upgradeType.toLowerCase()),
    accessLogs: decodeAccessLogs(message.accessLog, place.field("access_log")),
    drainTimeoutMs: durationOr(message.drainTimeout, DRAIN_MS),
    explicitProxy,
    stripMatchingPort: message.stripMatchingHostPort,
  };
}

function decodeSource(source: ManagerMessage["routeSpecifier"], place: Place): RouteSource {
  if (source.case === "rds") {
    const { routeConfigName: name, configSource } = source.value;
    if (name === "") place.field("rds").field("route_config_name").refuse("is missing");
    if (configSource?.configSourceSpecifier.case !== "ads") {
      place.field("rds").field("config_source").refuse("is missing", undefined, "ads");
    }
    return { kind: "rds", name };
  }
  if (source.case === "routeConfig") {
    return { kind: "inline", config: decodeRoutes(source.value, place.field("route_config")) };
  }
  return { kind: "rds", name: "" };
}

function decodeFilters(message: ManagerMessage, place: Place): HttpFilter[] {
  const filters = message.httpFilters.flatMap(({ name, configType }, i) => {
    const any = configType.case === "typedConfig" ? configType.value : undefined;
    if (any === undefined) {
      place.item(i).field("typed_config").refuse("is missing", name);
      return [];
    }
    return decodeFilter(any, place.item(i).field("typed_config")) ?? [];
  });
  const last = message.httpFilters.at(-1)?.configType;
  if (last?.case !== "typedConfig" || !isRouter(last.value)) {
    place.refuse("must end in the router", undefined, ROUTER_NAME);
  }
  const routers = filters.filter((filter) => filter.kind === "router").length;
  if (routers > 1) place.refuse("has more than one router", routers, "1");
  return filters;
}

function isRouter(any: Any): boolean {
  return typeNameOf(any.typeUrl) === RouterSchema.typeName;
}

/** Types that are unknown altogether were refused by the check; here, those out of place. */
function decodeFilter(any: Any, place: Place): HttpFilter | undefined {
  if (isRouter(any)) return { kind: "router" };
  if (isTypedStruct(any)) return decodeTelemetry(any, place);
  if (typeNameOf(any.typeUrl) === GrpcWebSchema.typeName) return { kind: "grpcWeb" };
  place.refuse("is no HTTP filter that is executed", any.typeUrl);
  return undefined;
}

export function encodeManager(manager: HttpConnectionManager, target: EncodeFor): ManagerMessage {
  return create(HttpConnectionManagerSchema, {
    statPrefix: manager.statPrefix,
    routeSpecifier: encodeSource(manager.routes, target),
    httpFilters: encodeFilters(manager.httpFilters, target),
    commonHttpProtocolOptions: {
      idleTimeout: toDuration(manager.idleTimeoutMs),
      maxHeadersCount: manager.maxHeadersCount,
      ...(manager.maxRequestsPerConnection > 0
        ? { maxRequestsPerConnection: manager.maxRequestsPerConnection }
        : {}),
    },
    codecType: CODEC[manager.codec],
    httpProtocolOptions: encodeHttp1(manager.http1, manager.acceptHttp10),
    http2ProtocolOptions: encodeHttp2(manager.http2),
    ...encodeIdentity(manager),
    ...encodeTimeouts(manager),
    maxRequestHeadersKb: manager.maxRequestHeadersKb,
    normalizePath: manager.normalizePath,
    mergeSlashes: manager.mergeSlashes,
    upgradeConfigs: manager.upgrades.map((upgradeType) => ({ upgradeType })),
    accessLog: manager.accessLogs.map(encodeAccessLog),
    stripPortMode: { case: undefined },
    stripMatchingHostPort: manager.stripMatchingPort,
  });
}

type ManagerInit = MessageInitShape<typeof HttpConnectionManagerSchema>;

/** Who we say we are, and whom we believe. */
function encodeIdentity(manager: HttpConnectionManager) {
  return {
    generateRequestId: manager.generateRequestId,
    preserveExternalRequestId: manager.preserveExternalRequestId,
    alwaysSetRequestIdInResponse: manager.alwaysSetRequestIdInResponse,
    useRemoteAddress: manager.useRemoteAddress,
    xffNumTrustedHops: manager.xffNumTrustedHops,
    skipXffAppend: manager.skipXffAppend,
    serverName: manager.serverName,
    serverHeaderTransformation: SERVER_HEADER[manager.serverHeader],
    via: manager.via,
  } satisfies ManagerInit;
}

function encodeTimeouts(manager: HttpConnectionManager) {
  return {
    streamIdleTimeout: toDuration(manager.streamIdleTimeoutMs),
    requestTimeout: toDuration(manager.requestTimeoutMs),
    requestHeadersTimeout: toDuration(manager.requestHeadersTimeoutMs),
    drainTimeout: toDuration(manager.drainTimeoutMs),
  } satisfies ManagerInit;
}

function encodeSource(source: RouteSource, target: EncodeFor): ManagerMessage["routeSpecifier"] {
  const init: ManagerInit["routeSpecifier"] =
    source.kind === "inline"
      ? { case: "routeConfig", value: encodeRoutes(source.config, target) }
      : { case: "rds", value: { routeConfigName: source.name, configSource: ADS_SOURCE } };
  return create(HttpConnectionManagerSchema, { routeSpecifier: init }).routeSpecifier;
}

function encodeFilters(filters: readonly HttpFilter[], target: EncodeFor) {
  return filters.flatMap((filter) => {
    if (filter.kind === "router") return [named(ROUTER_NAME, packEmpty(RouterSchema))];
    if (filter.kind === "grpcWeb") return [named(GRPC_WEB_NAME, packEmpty(GrpcWebSchema))];
    return target === "outrigger" ? [named(TELEMETRY_NAME, encodeTelemetry(filter))] : [];
  });
}

function named(name: string, value: Any) {
  return { name, configType: { case: "typedConfig" as const, value } };
}

/** The manager as a network filter's `typed_config`. */
export function packManager(manager: HttpConnectionManager, target: EncodeFor): Any {
  return pack(HttpConnectionManagerSchema, encodeManager(manager, target));
}
