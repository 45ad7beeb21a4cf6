import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { LocalRateLimitSchema } from "../../gen/envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit_pb.js";
import type { ConnectionLimit } from "../../model/listener.ts";
import type { Place } from "../check/place.ts";
import { decodeBucket, encodeBucket } from "../filter/local-rate-limit.ts";
import { pack, unpack } from "../message/any.ts";

export function isConnectionLimit(any: Any): boolean {
  return unpack(any, LocalRateLimitSchema) !== undefined;
}

/** filters.network.local_ratelimit.v3.LocalRateLimit; without a bucket Envoy's own rules refuse. */
export function decodeConnectionLimit(any: Any, place: Place): ConnectionLimit | undefined {
  const message = unpack(any, LocalRateLimitSchema);
  if (message?.tokenBucket === undefined) return undefined;
  const bucket = decodeBucket(message.tokenBucket, place.field("token_bucket"));
  return { statPrefix: message.statPrefix, bucket };
}

export function packConnectionLimit({ bucket, statPrefix }: ConnectionLimit): Any {
  const message = create(LocalRateLimitSchema, { statPrefix, tokenBucket: encodeBucket(bucket) });
  return pack(LocalRateLimitSchema, message);
}
