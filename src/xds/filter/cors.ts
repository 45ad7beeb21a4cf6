import { create } from "@bufbuild/protobuf";
import {
  type CorsPolicy as CorsMessage,
  CorsPolicySchema,
} from "../../gen/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import type { CorsPolicy } from "../../model/filter/cors.ts";
import type { Place } from "../check/place.ts";
import { decodeRuntimeFraction, encodeRuntimeFraction } from "../message/fraction.ts";
import { decodeStringMatch, encodeStringMatch } from "../message/string-match.ts";

/** filters.http.cors.v3.CorsPolicy. */
export function decodeCors(message: CorsMessage, place: Place): CorsPolicy {
  const origins = place.field("allow_origin_string_match");
  return {
    allowOrigins: message.allowOriginStringMatch.flatMap(
      (match, i) => decodeStringMatch(match, origins.item(i)) ?? [],
    ),
    allowMethods: message.allowMethods,
    allowHeaders: message.allowHeaders,
    exposeHeaders: message.exposeHeaders,
    maxAge: message.maxAge,
    allowCredentials: message.allowCredentials,
    allowPrivateNetworkAccess: message.allowPrivateNetworkAccess,
    forwardNotMatchingPreflights: message.forwardNotMatchingPreflights,
    enabled: decodeRuntimeFraction(message.filterEnabled),
    shadowEnabled: decodeRuntimeFraction(message.shadowEnabled),
  };
}

export function encodeCors(policy: CorsPolicy): CorsMessage {
  const message = create(CorsPolicySchema, {
    allowOriginStringMatch: policy.allowOrigins.map(encodeStringMatch),
    allowMethods: policy.allowMethods,
    allowHeaders: policy.allowHeaders,
    exposeHeaders: policy.exposeHeaders,
    maxAge: policy.maxAge,
  });
  const { allowCredentials, allowPrivateNetworkAccess, forwardNotMatchingPreflights } = policy;
  Object.assign(message, { allowCredentials, allowPrivateNetworkAccess });
  Object.assign(message, { forwardNotMatchingPreflights });
  if (policy.enabled !== undefined) message.filterEnabled = encodeRuntimeFraction(policy.enabled);
  if (policy.shadowEnabled !== undefined) {
    message.shadowEnabled = encodeRuntimeFraction(policy.shadowEnabled);
  }
  return message;
}
