import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { CorsSchema } from "../../gen/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import { ExtAuthzSchema } from "../../gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js";
import { HTTPFaultSchema as FaultSchema } from "../../gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { GrpcWebSchema } from "../../gen/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb.js";
import { JwtAuthenticationSchema } from "../../gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import { LocalRateLimitSchema } from "../../gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.js";
import { RBACSchema as RbacSchema } from "../../gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import { RouterSchema } from "../../gen/envoy/extensions/filters/http/router/v3/router_pb.js";
import { StatefulSessionSchema } from "../../gen/envoy/extensions/filters/http/stateful_session/v3/stateful_session_pb.js";
import type {
  HttpFilter as FilterMessage,
  HttpFilterSchema as FilterSchema,
  HttpConnectionManager as ManagerMessage,
} from "../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { HttpFilter } from "../../model/listener.ts";
import type { Place } from "../check/place.ts";
import { pack, packEmpty, typeNameOf, unpack } from "../message/any.ts";
import type { EncodeFor } from "../message/flavor.ts";
import { decodeTelemetry, encodeTelemetry, isTypedStruct } from "../network/telemetry-filter.ts";
import { decodeExtAuthz, encodeExtAuthz } from "./ext-authz.ts";
import { decodeFault, encodeFault } from "./fault.ts";
import { decodeJwtAuthn, encodeJwtAuthn } from "./jwt/jwt-authn.ts";
import { decodeLocalRateLimit, encodeLocalRateLimit } from "./local-rate-limit.ts";
import { FILTER_NAMES } from "./names.ts";
import { decodeHttpRbac, encodeHttpRbac } from "./rbac/http-rbac.ts";
import { decodeSession, encodeSession } from "./stateful-session.ts";

/** The chain of HTTP filters; each kind but RBAC stands in it once, the router at its end. */
export function decodeFilters(message: ManagerMessage, place: Place): HttpFilter[] {
  const filters = message.httpFilters.flatMap((filter, i) => decode(filter, place.item(i)) ?? []);
  const last = message.httpFilters.at(-1)?.configType;
  if (last?.case !== "typedConfig" || !isRouter(last.value)) {
    place.refuse("must end in the router", undefined, FILTER_NAMES.router);
  }
  const kinds = new Set<string>();
  for (const [i, { kind }] of filters.entries()) {
    if (kind === "rbac") continue;
    if (kinds.has(kind)) place.item(i).refuse("stands twice", FILTER_NAMES[kind]);
    kinds.add(kind);
  }
  return filters;
}

function decode({ name, configType }: FilterMessage, place: Place): HttpFilter | undefined {
  const at = place.field("typed_config");
  if (configType.case === "typedConfig") return decodeFilter(name, configType.value, at);
  at.refuse("is missing", name);
  return undefined;
}

function isRouter(any: Any): boolean {
  return typeNameOf(any.typeUrl) === RouterSchema.typeName;
}

/** Types that are unknown altogether were refused by the check; here, those out of place. */
function decodeFilter(name: string, any: Any, place: Place): HttpFilter | undefined {
  if (isTypedStruct(any)) return decodeTelemetry(any, place);
  const session = unpack(any, StatefulSessionSchema);
  if (session !== undefined) return decodeSession(session, place);
  const limit = unpack(any, LocalRateLimitSchema);
  if (limit !== undefined) {
    return { kind: "localRateLimit", limit: decodeLocalRateLimit(limit, place) };
  }
  const authz = unpack(any, ExtAuthzSchema);
  if (authz !== undefined) return { kind: "extAuthz", authz: decodeExtAuthz(authz, place) };
  const fault = unpack(any, FaultSchema);
  if (fault !== undefined) return { kind: "fault", fault: decodeFault(fault, place) };
  const jwt = unpack(any, JwtAuthenticationSchema);
  if (jwt !== undefined) return { kind: "jwtAuthn", authn: decodeJwtAuthn(jwt, place) };
  const rbac = unpack(any, RbacSchema);
  if (rbac !== undefined) return { kind: "rbac", name, rbac: decodeHttpRbac(rbac, place) };
  switch (typeNameOf(any.typeUrl)) {
    case RouterSchema.typeName:
      return { kind: "router" };
    case GrpcWebSchema.typeName:
      return { kind: "grpcWeb" };
    case CorsSchema.typeName:
      return { kind: "cors" };
    default:
      place.refuse("is no HTTP filter that is executed", any.typeUrl);
      return undefined;
  }
}

/** As `decodeFilters` reads them; a real Envoy gets those that it knows. */
export function encodeFilters(
  filters: readonly HttpFilter[],
  target: EncodeFor,
): MessageInitShape<typeof FilterSchema>[] {
  return filters.flatMap((filter) => {
    if (filter.kind === "telemetry" && target !== "outrigger") return [];
    const value = encodeFilter(filter);
    const name = filter.kind === "rbac" ? filter.name : FILTER_NAMES[filter.kind];
    return [{ name, configType: { case: "typedConfig" as const, value } }];
  });
}

function encodeFilter(filter: HttpFilter): Any {
  switch (filter.kind) {
    case "router":
      return packEmpty(RouterSchema);
    case "grpcWeb":
      return packEmpty(GrpcWebSchema);
    case "cors":
      return packEmpty(CorsSchema);
    case "extAuthz":
      return pack(ExtAuthzSchema, encodeExtAuthz(filter.authz));
    case "fault":
      return pack(FaultSchema, encodeFault(filter.fault));
    case "jwtAuthn":
      return pack(JwtAuthenticationSchema, encodeJwtAuthn(filter.authn));
    case "localRateLimit":
      return pack(LocalRateLimitSchema, encodeLocalRateLimit(filter.limit));
    case "rbac":
      return pack(RbacSchema, encodeHttpRbac(filter.rbac));
    case "statefulSession":
      return pack(StatefulSessionSchema, encodeSession(filter));
    case "telemetry":
      return encodeTelemetry(filter);
  }
}
