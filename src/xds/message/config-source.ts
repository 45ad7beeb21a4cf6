import { create } from "@bufbuild/protobuf";
import {
  AggregatedConfigSourceSchema,
  ApiVersion,
  type ConfigSource,
  ConfigSourceSchema,
} from "../../gen/envoy/config/core/v3/config_source_pb.js";
import type { Place } from "../check/place.ts";
import { durationMs } from "./scalar.ts";

/** "Ask on the same ADS stream": the only source of dynamic resources. */
export const ADS_SOURCE: ConfigSource = create(ConfigSourceSchema, {
  resourceApiVersion: ApiVersion.V3,
  configSourceSpecifier: { case: "ads", value: create(AggregatedConfigSourceSchema) },
});

/**
 * Refuses a source that is not the ADS stream, or that shall not be waited for: endpoints and
 * routes that are missing keep their last good state.
 */
export function refuseOtherThanAds(
  source: ConfigSource | undefined,
  place: Place,
  problem: string,
): void {
  const kind = source?.configSourceSpecifier.case;
  if (kind !== "ads") place.refuse(problem, kind, "ads");
  const waitMs = durationMs(source?.initialFetchTimeout);
  if (waitMs === 0) return;
  const at = place.field("initial_fetch_timeout");
  at.refuse("has a value that is not executed by Outrigger", waitMs, "0");
}
