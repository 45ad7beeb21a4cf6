import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { HttpProtocolOptions_HeadersWithUnderscoresAction as UnderscoresAction } from "../../gen/envoy/config/core/v3/protocol_pb.js";
import {
  HttpConnectionManager_CodecType as Codec,
  HttpConnectionManager_PathWithEscapedSlashesAction as EscapedSlashesAction,
  HttpConnectionManagerSchema,
  type HttpConnectionManager as ManagerMessage,
  HttpConnectionManager_ServerHeaderTransformation as Transformation,
} from "../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type {
  CodecType,
  EscapedSlashes,
  HttpConnectionManager,
  RouteSource,
  ServerHeader,
  StripPort,
  Underscores,
} from "../../model/listener.ts";
import { decodeAccessLogs, encodeAccessLog } from "../access-log/access-log.ts";
import type { Place } from "../check/place.ts";
import { decodeFilters, encodeFilters } from "../filter/http-filters.ts";
import { decodeRange, encodeRange } from "../listener/filter-chain-match.ts";
import { pack } from "../message/any.ts";
import { ADS_SOURCE, refuseOtherThanAds } from "../message/config-source.ts";
import type { EncodeFor } from "../message/flavor.ts";
import { decodeHttp1, decodeHttp2, encodeHttp1, encodeHttp2 } from "../message/http-options.ts";
import { durationMs, durationOr, keyOf, toDuration } from "../message/scalar.ts";
import { decodeRoutes, encodeRoutes } from "../route-resource.ts";
import { decodeForwardClientCert, encodeForwardClientCert } from "./client-certificate.ts";

const IDLE_MS = 3_600_000;
const STREAM_IDLE_MS = 300_000;
const DRAIN_MS = 5000;
const HEADERS_KB = 60;
const HEADERS_COUNT = 100;

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

const ESCAPED_SLASHES: Readonly<Record<EscapedSlashes, EscapedSlashesAction>> = {
  keep: EscapedSlashesAction.KEEP_UNCHANGED,
  reject: EscapedSlashesAction.REJECT_REQUEST,
  redirect: EscapedSlashesAction.UNESCAPE_AND_REDIRECT,
  forward: EscapedSlashesAction.UNESCAPE_AND_FORWARD,
};

const UNDERSCORES: Readonly<Record<Underscores, UnderscoresAction>> = {
  allow: UnderscoresAction.ALLOW,
  reject: UnderscoresAction.REJECT_REQUEST,
  drop: UnderscoresAction.DROP_HEADER,
};

/** `explicitProxy` is the listener's to say: it stands in the listener's metadata. */
export function decodeManager(
  message: ManagerMessage,
  explicitProxy: boolean,
  place: Place,
): HttpConnectionManager {
  const common = message.commonHttpProtocolOptions;
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
    ...decodeInternal(message, place.field("internal_address_config")),
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
    maxConnectionDurationMs: durationMs(common?.maxConnectionDuration),
    maxStreamDurationMs: durationMs(common?.maxStreamDuration),
    acceptHttp10: message.httpProtocolOptions?.acceptHttp10 ?? false,
    normalizePath: message.normalizePath ?? false,
    mergeSlashes: message.mergeSlashes,
    escapedSlashes: keyOf(ESCAPED_SLASHES, message.pathWithEscapedSlashesAction) ?? "keep",
    underscores: keyOf(UNDERSCORES, common?.headersWithUnderscoresAction ?? 0) ?? "allow",
    upgrades: message.upgradeConfigs.map((upgrade) => upgrade.upgradeType.toLowerCase()),
    accessLogs: decodeAccessLogs(message.accessLog, place.field("access_log")),
    drainTimeoutMs: durationOr(message.drainTimeout, DRAIN_MS),
    explicitProxy,
    stripPort: decodeStripPort(message, place),
    stripTrailingHostDot: message.stripTrailingHostDot,
    ...decodeForwardClientCert(message),
  };
}

/** Without ranges of its own Envoy knows which networks are private; ours have to be named. */
function decodeInternal(
  { internalAddressConfig: message }: ManagerMessage,
  place: Place,
): Pick<HttpConnectionManager, "internalRanges"> {
  if (message === undefined) return {};
  const ranges = place.field("cidr_ranges");
  if (message.cidrRanges.length === 0) ranges.refuse("is empty: say which clients are internal");
  return { internalRanges: message.cidrRanges.map((one, i) => decodeRange(one, ranges.item(i))) };
}

function decodeStripPort(message: ManagerMessage, place: Place): StripPort {
  const any = message.stripPortMode.case === "stripAnyHostPort" && message.stripPortMode.value;
  if (any && message.stripMatchingHostPort) {
    place.field("strip_any_host_port").refuse("cannot be used with strip_matching_host_port");
  }
  if (any) return "any";
  return message.stripMatchingHostPort ? "matching" : "none";
}

function decodeSource(source: ManagerMessage["routeSpecifier"], place: Place): RouteSource {
  if (source.case === "rds") {
    const { routeConfigName: name, configSource } = source.value;
    if (name === "") place.field("rds").field("route_config_name").refuse("is missing");
    refuseOtherThanAds(configSource, place.field("rds").field("config_source"), "is missing");
    return { kind: "rds", name };
  }
  if (source.case === "routeConfig") {
    return { kind: "inline", config: decodeRoutes(source.value, place.field("route_config")) };
  }
  return { kind: "rds", name: "" };
}

export function encodeManager(manager: HttpConnectionManager, target: EncodeFor): ManagerMessage {
  return create(HttpConnectionManagerSchema, {
    statPrefix: manager.statPrefix,
    routeSpecifier: encodeSource(manager.routes, target),
    httpFilters: encodeFilters(manager.httpFilters, target),
    commonHttpProtocolOptions: encodeCommon(manager),
    codecType: CODEC[manager.codec],
    httpProtocolOptions: encodeHttp1(manager.http1, manager.acceptHttp10),
    http2ProtocolOptions: encodeHttp2(manager.http2),
    ...encodeIdentity(manager),
    ...encodeTimeouts(manager),
    maxRequestHeadersKb: manager.maxRequestHeadersKb,
    normalizePath: manager.normalizePath,
    mergeSlashes: manager.mergeSlashes,
    pathWithEscapedSlashesAction: ESCAPED_SLASHES[manager.escapedSlashes],
    upgradeConfigs: manager.upgrades.map((upgradeType) => ({ upgradeType })),
    accessLog: manager.accessLogs.map(encodeAccessLog),
    ...encodeStripPort(manager.stripPort),
    stripTrailingHostDot: manager.stripTrailingHostDot,
    ...encodeForwardClientCert(manager),
  });
}

type ManagerInit = MessageInitShape<typeof HttpConnectionManagerSchema>;

function encodeCommon(manager: HttpConnectionManager): ManagerInit["commonHttpProtocolOptions"] {
  const { maxConnectionDurationMs, maxRequestsPerConnection, maxStreamDurationMs } = manager;
  return {
    idleTimeout: toDuration(manager.idleTimeoutMs),
    maxHeadersCount: manager.maxHeadersCount,
    headersWithUnderscoresAction: UNDERSCORES[manager.underscores],
    ...(maxRequestsPerConnection > 0 ? { maxRequestsPerConnection } : {}),
    ...(maxConnectionDurationMs > 0
      ? { maxConnectionDuration: toDuration(maxConnectionDurationMs) }
      : {}),
    ...(maxStreamDurationMs > 0 ? { maxStreamDuration: toDuration(maxStreamDurationMs) } : {}),
  };
}

/** Who we say we are, and whom we believe. */
function encodeIdentity(manager: HttpConnectionManager) {
  return {
    generateRequestId: manager.generateRequestId,
    preserveExternalRequestId: manager.preserveExternalRequestId,
    alwaysSetRequestIdInResponse: manager.alwaysSetRequestIdInResponse,
    useRemoteAddress: manager.useRemoteAddress,
    xffNumTrustedHops: manager.xffNumTrustedHops,
    skipXffAppend: manager.skipXffAppend,
    ...(manager.internalRanges === undefined
      ? {}
      : { internalAddressConfig: { cidrRanges: manager.internalRanges.map(encodeRange) } }),
    serverName: manager.serverName,
    serverHeaderTransformation: SERVER_HEADER[manager.serverHeader],
    via: manager.via,
  } satisfies ManagerInit;
}

function encodeStripPort(stripPort: StripPort) {
  return {
    stripMatchingHostPort: stripPort === "matching",
    stripPortMode:
      stripPort === "any"
        ? { case: "stripAnyHostPort" as const, value: true }
        : { case: undefined, value: undefined },
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

/** The manager as a network filter's `typed_config`. */
export function packManager(manager: HttpConnectionManager, target: EncodeFor): Any {
  return pack(HttpConnectionManagerSchema, encodeManager(manager, target));
}
