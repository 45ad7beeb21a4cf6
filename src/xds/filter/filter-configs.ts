import type { Any } from "@bufbuild/protobuf/wkt";
import { CorsPolicySchema } from "../../gen/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import { ExtAuthzPerRouteSchema } from "../../gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js";
import { HTTPFaultSchema as FaultSchema } from "../../gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { PerRouteConfigSchema as JwtPerRouteSchema } from "../../gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import { LocalRateLimitSchema } from "../../gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.js";
import { RBACPerRouteSchema } from "../../gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import { StatefulSessionPerRouteSchema } from "../../gen/envoy/extensions/filters/http/stateful_session/v3/stateful_session_pb.js";
import { type FilterConfigs, NO_FILTER_CONFIGS } from "../../model/filter/filter-configs.ts";
import type { Place } from "../check/place.ts";
import { pack, unpack } from "../message/any.ts";
import { decodeCors, encodeCors } from "./cors.ts";
import { decodeExtAuthzOverride, encodeExtAuthzOverride } from "./ext-authz.ts";
import { decodeFault, encodeFault } from "./fault.ts";
import { decodeJwtRoute, encodeJwtRoute } from "./jwt/jwt-authn.ts";
import { decodeRouteLimit, encodeLocalRateLimit } from "./local-rate-limit.ts";
import { FILTER_NAMES } from "./names.ts";
import { decodeRbacOverride, encodeRbacOverride } from "./rbac/http-rbac.ts";
import { decodeSessionOverride, encodeSessionOverride } from "./stateful-session.ts";

type Configs = Readonly<Record<string, Any>>;

/**
 * `typed_per_filter_config` of a route, virtual host or route configuration. Filters are known by
 * the type of what is said to them, those that may be several by their names too.
 */
export function decodeFilterConfigs(configs: Configs, place: Place): FilterConfigs {
  let decoded = NO_FILTER_CONFIGS;
  for (const [name, any] of Object.entries(configs)) {
    const at = place.field(name);
    const cors = unpack(any, CorsPolicySchema);
    const limit = unpack(any, LocalRateLimitSchema);
    const session = unpack(any, StatefulSessionPerRouteSchema);
    const authz = unpack(any, ExtAuthzPerRouteSchema);
    const fault = unpack(any, FaultSchema);
    const jwt = unpack(any, JwtPerRouteSchema);
    const rbac = unpack(any, RBACPerRouteSchema);
    if (cors !== undefined) decoded = { ...decoded, cors: decodeCors(cors, at) };
    else if (limit !== undefined) {
      decoded = { ...decoded, rateLimit: decodeRouteLimit(limit, at) };
    } else if (session !== undefined) {
      decoded = { ...decoded, session: decodeSessionOverride(session, at) };
    } else if (authz !== undefined) {
      decoded = { ...decoded, extAuthz: decodeExtAuthzOverride(authz) };
    } else if (fault !== undefined) decoded = { ...decoded, fault: decodeFault(fault, at) };
    else if (jwt !== undefined) decoded = { ...decoded, jwt: decodeJwtRoute(jwt) };
    else if (rbac !== undefined) {
      const others = decoded.rbac ?? [];
      decoded = { ...decoded, rbac: [...others, decodeRbacOverride(name, rbac, at)] };
    } else at.refuse("is no filter's configuration that is executed here", any.typeUrl);
  }
  return decoded;
}

export function encodeFilterConfigs(configs: FilterConfigs): Record<string, Any> {
  const encoded: Record<string, Any> = {};
  if (configs.cors !== undefined) {
    encoded[FILTER_NAMES.cors] = pack(CorsPolicySchema, encodeCors(configs.cors));
  }
  if (configs.rateLimit !== undefined) {
    const message = encodeLocalRateLimit(configs.rateLimit);
    encoded[FILTER_NAMES.localRateLimit] = pack(LocalRateLimitSchema, message);
  }
  if (configs.session !== undefined) {
    const message = encodeSessionOverride(configs.session);
    encoded[FILTER_NAMES.statefulSession] = pack(StatefulSessionPerRouteSchema, message);
  }
  if (configs.extAuthz !== undefined) {
    const message = encodeExtAuthzOverride(configs.extAuthz);
    encoded[FILTER_NAMES.extAuthz] = pack(ExtAuthzPerRouteSchema, message);
  }
  if (configs.fault !== undefined) {
    encoded[FILTER_NAMES.fault] = pack(FaultSchema, encodeFault(configs.fault));
  }
  if (configs.jwt !== undefined) {
    encoded[FILTER_NAMES.jwtAuthn] = pack(JwtPerRouteSchema, encodeJwtRoute(configs.jwt));
  }
  for (const one of configs.rbac ?? []) {
    encoded[one.filter] = pack(RBACPerRouteSchema, encodeRbacOverride(one));
  }
  return encoded;
}
