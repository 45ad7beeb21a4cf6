import type { JsonObject } from "@bufbuild/protobuf";
import type { Metadata } from "../../gen/envoy/config/core/v3/base_pb.js";
import type { RetryRate } from "../../model/cluster.ts";
import type { Place } from "../check/place.ts";
import { readerOf, structOf } from "./struct-reader.ts";

/** The filter metadata that says how many retries a cluster bears over time. */
export const RETRY_RATE_METADATA = "outrigger.retry_rate";

/** What `RetryRate` may hold, both ends allowed. */
export const RETRY_RATE_BOUNDS = {
  percent: { min: 0, max: 1000 },
  minPerSecond: { min: 0, max: 1_000_000 },
  windowMs: { min: 100, max: 3_600_000 },
} as const;

export function encodeRetryRate(rate: RetryRate | undefined): {
  readonly [RETRY_RATE_METADATA]?: JsonObject;
} {
  return rate === undefined ? {} : { [RETRY_RATE_METADATA]: structOf(rate) };
}

/** The model's fields under the model's names; all have to be said. `place`: of the cluster. */
export function decodeRetryRate(
  metadata: Metadata | undefined,
  place: Place,
): { readonly retryRate?: RetryRate } {
  const struct = metadata?.filterMetadata[RETRY_RATE_METADATA];
  if (struct === undefined) return {};
  const at = place.field("metadata").field("filter_metadata").field(RETRY_RATE_METADATA);
  const reader = readerOf(struct, at);
  if (reader === undefined) return {};
  const { minPerSecond, percent, windowMs } = RETRY_RATE_BOUNDS;
  const retryRate: RetryRate = {
    percent: reader.number("percent", percent, undefined),
    minPerSecond: reader.whole("minPerSecond", minPerSecond, undefined),
    windowMs: reader.whole("windowMs", windowMs, undefined),
  };
  reader.end();
  return { retryRate };
}
