import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { HeaderValue } from "../../gen/envoy/config/core/v3/base_pb.js";
import type {
  GrpcService,
  GrpcServiceSchema,
} from "../../gen/envoy/config/core/v3/grpc_service_pb.js";
import {
  type BufferSettings,
  type ExtAuthz as ExtAuthzMessage,
  type ExtAuthzPerRoute,
  ExtAuthzPerRouteSchema,
  ExtAuthzSchema,
  type HttpService,
  type HttpServiceSchema,
} from "../../gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js";
import type {
  ListStringMatcher,
  ListStringMatcherSchema,
} from "../../gen/envoy/type/matcher/v3/string_pb.js";
import type {
  AddedHeader,
  CheckedBody,
  ExtAuthz,
  ExtAuthzOverride,
  GrpcAuthorization,
  HttpAuthorization,
} from "../../model/filter/ext-authz.ts";
import type { StringMatch } from "../../model/route.ts";
import type { Place } from "../check/place.ts";
import { decodeMetadataMatch, encodeMetadataMatch } from "../message/metadata-match.ts";
import { durationMs, durationOr, toDuration } from "../message/scalar.ts";
import { decodeStringMatch, encodeStringMatch } from "../message/string-match.ts";

/** Envoy's default for both kinds of servers. */
const TIMEOUT_MS = 200;
const FORBIDDEN = 403;
/** In its place an error has been told. */
const NO_SERVICE: GrpcAuthorization = {
  kind: "grpc",
  cluster: "",
  authority: "",
  timeoutMs: TIMEOUT_MS,
  initialMetadata: [],
};

/** filters.http.ext_authz.v3.ExtAuthz. */
export function decodeExtAuthz(message: ExtAuthzMessage, place: Place): ExtAuthz {
  const { withRequestBody, filterEnabledMetadata } = message;
  if (message.metadataContextNamespaces.some((name) => name === "")) {
    place.field("metadata_context_namespaces").refuse("holds an empty name");
  }
  return {
    service: decodeService(message.services, place),
    statPrefix: message.statPrefix,
    failureModeAllow: message.failureModeAllow,
    failureModeAllowHeader: message.failureModeAllowHeaderAdd,
    statusOnError: message.statusOnError?.code || FORBIDDEN,
    body: withRequestBody && decodeBody(withRequestBody),
    clearRouteCache: message.clearRouteCache,
    allowedHeaders: decodeList(message.allowedHeaders, place.field("allowed_headers")),
    disallowedHeaders: decodeList(message.disallowedHeaders, place.field("disallowed_headers")),
    includeTlsSession: message.includeTlsSession,
    enabledMetadata:
      filterEnabledMetadata &&
      decodeMetadataMatch(filterEnabledMetadata, place.field("filter_enabled_metadata")),
    metadataNamespaces: message.metadataContextNamespaces,
  };
}

function decodeService(services: ExtAuthzMessage["services"], place: Place): ExtAuthz["service"] {
  if (services.case === "grpcService") {
    return decodeGrpc(services.value, place.field("grpc_service"));
  }
  if (services.case === "httpService") {
    return decodeHttp(services.value, place.field("http_service"));
  }
  place.refuse("asks nobody", undefined, "grpc_service or http_service");
  return NO_SERVICE;
}

function decodeGrpc(message: GrpcService, place: Place): GrpcAuthorization {
  const { case: kind, value } = message.targetSpecifier;
  if (kind !== "envoyGrpc") {
    place.field("envoy_grpc").refuse("is missing");
    return NO_SERVICE;
  }
  return {
    kind: "grpc",
    cluster: value.clusterName,
    authority: value.authority,
    timeoutMs: durationOr(message.timeout, TIMEOUT_MS),
    initialMetadata: message.initialMetadata.map(decodeHeader),
  };
}

function decodeHttp(message: HttpService, place: Place): HttpAuthorization {
  const { serverUri, authorizationRequest, authorizationResponse: response } = message;
  if (serverUri === undefined) place.field("server_uri").refuse("is missing");
  const at = place.field("authorization_response");
  return {
    kind: "http",
    cluster: serverUri?.httpUpstreamType.value ?? "",
    uri: serverUri?.uri ?? "",
    timeoutMs: durationMs(serverUri?.timeout),
    pathPrefix: decodePrefix(message.pathPrefix, place.field("path_prefix")),
    headersToAdd: (authorizationRequest?.headersToAdd ?? []).map(decodeHeader),
    upstreamHeaders: decodeList(
      response?.allowedUpstreamHeaders,
      at.field("allowed_upstream_headers"),
    ),
    upstreamHeadersToAppend: decodeList(
      response?.allowedUpstreamHeadersToAppend,
      at.field("allowed_upstream_headers_to_append"),
    ),
    clientHeaders: decodeList(response?.allowedClientHeaders, at.field("allowed_client_headers")),
    clientHeadersOnSuccess: decodeList(
      response?.allowedClientHeadersOnSuccess,
      at.field("allowed_client_headers_on_success"),
    ),
    metadataHeaders: decodeList(
      response?.dynamicMetadataFromHeaders,
      at.field("dynamic_metadata_from_headers"),
    ),
  };
}

function decodePrefix(prefix: string, place: Place): string {
  if (prefix !== "" && !prefix.startsWith("/")) place.refuse("must begin with /", prefix);
  return prefix;
}

function decodeHeader({ key, value }: HeaderValue): AddedHeader {
  return { name: key.toLowerCase(), value };
}

function decodeBody(message: BufferSettings): CheckedBody {
  return {
    maxBytes: message.maxRequestBytes,
    allowPartial: message.allowPartialMessage,
    asBytes: message.packAsBytes,
  };
}

function decodeList(
  list: ListStringMatcher | undefined,
  place: Place,
): readonly StringMatch[] | undefined {
  const patterns = place.field("patterns");
  return list?.patterns.flatMap((one, i) => decodeStringMatch(one, patterns.item(i)) ?? []);
}

/** filters.http.ext_authz.v3.ExtAuthzPerRoute. */
export function decodeExtAuthzOverride({ override }: ExtAuthzPerRoute): ExtAuthzOverride {
  if (override.case !== "checkSettings") return "disabled";
  const { contextExtensions, disableRequestBodyBuffering, withRequestBody } = override.value;
  if (disableRequestBodyBuffering) return { contextExtensions, body: undefined };
  return { contextExtensions, body: withRequestBody ? decodeBody(withRequestBody) : "inherit" };
}

export function encodeExtAuthz(authz: ExtAuthz): ExtAuthzMessage {
  const { service, body, allowedHeaders, disallowedHeaders, enabledMetadata } = authz;
  return create(ExtAuthzSchema, {
    services:
      service.kind === "grpc"
        ? { case: "grpcService", value: encodeGrpc(service) }
        : { case: "httpService", value: encodeHttp(service) },
    transportApiVersion: 2,
    statPrefix: authz.statPrefix,
    failureModeAllow: authz.failureModeAllow,
    failureModeAllowHeaderAdd: authz.failureModeAllowHeader,
    statusOnError: { code: authz.statusOnError },
    ...(body === undefined ? {} : { withRequestBody: encodeBody(body) }),
    clearRouteCache: authz.clearRouteCache,
    ...(allowedHeaders === undefined ? {} : { allowedHeaders: encodeList(allowedHeaders) }),
    ...(disallowedHeaders && { disallowedHeaders: encodeList(disallowedHeaders) }),
    includeTlsSession: authz.includeTlsSession,
    ...(enabledMetadata && { filterEnabledMetadata: encodeMetadataMatch(enabledMetadata) }),
    metadataContextNamespaces: [...authz.metadataNamespaces],
  });
}

function encodeGrpc(service: GrpcAuthorization): MessageInitShape<typeof GrpcServiceSchema> {
  const { authority, cluster, initialMetadata, timeoutMs } = service;
  return {
    targetSpecifier: { case: "envoyGrpc", value: { clusterName: cluster, authority } },
    timeout: toDuration(timeoutMs),
    initialMetadata: initialMetadata.map(encodeHeader),
  };
}

function encodeHttp(service: HttpAuthorization): MessageInitShape<typeof HttpServiceSchema> {
  const { upstreamHeaders, upstreamHeadersToAppend, clientHeaders } = service;
  const { clientHeadersOnSuccess, metadataHeaders } = service;
  return {
    serverUri: {
      uri: service.uri,
      httpUpstreamType: { case: "cluster", value: service.cluster },
      timeout: toDuration(service.timeoutMs),
    },
    pathPrefix: service.pathPrefix,
    authorizationRequest: { headersToAdd: service.headersToAdd.map(encodeHeader) },
    authorizationResponse: {
      ...(upstreamHeaders && { allowedUpstreamHeaders: encodeList(upstreamHeaders) }),
      ...(upstreamHeadersToAppend && {
        allowedUpstreamHeadersToAppend: encodeList(upstreamHeadersToAppend),
      }),
      ...(clientHeaders && { allowedClientHeaders: encodeList(clientHeaders) }),
      ...(clientHeadersOnSuccess && {
        allowedClientHeadersOnSuccess: encodeList(clientHeadersOnSuccess),
      }),
      ...(metadataHeaders && { dynamicMetadataFromHeaders: encodeList(metadataHeaders) }),
    },
  };
}

function encodeHeader({ name, value }: AddedHeader): { key: string; value: string } {
  return { key: name, value };
}

function encodeBody({ allowPartial, asBytes, maxBytes }: CheckedBody): {
  maxRequestBytes: number;
  allowPartialMessage: boolean;
  packAsBytes: boolean;
} {
  return { maxRequestBytes: maxBytes, allowPartialMessage: allowPartial, packAsBytes: asBytes };
}

function encodeList(
  matches: readonly StringMatch[],
): MessageInitShape<typeof ListStringMatcherSchema> {
  return { patterns: matches.map(encodeStringMatch) };
}

export function encodeExtAuthzOverride(override: ExtAuthzOverride): ExtAuthzPerRoute {
  if (override === "disabled") {
    return create(ExtAuthzPerRouteSchema, { override: { case: "disabled", value: true } });
  }
  const { body, contextExtensions } = override;
  return create(ExtAuthzPerRouteSchema, {
    override: {
      case: "checkSettings",
      value: {
        contextExtensions: { ...contextExtensions },
        disableRequestBodyBuffering: body === undefined,
        ...(typeof body === "object" ? { withRequestBody: encodeBody(body) } : {}),
      },
    },
  });
}
