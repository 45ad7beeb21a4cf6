import type { JsonObject } from "@bufbuild/protobuf";
import type { Metadata } from "../../gen/envoy/config/core/v3/base_pb.js";
import {
  ACCRUAL_BOUNDS,
  ACCRUAL_DEFAULTS,
  type FailureAccrual,
  type SuccessRateAccrual,
} from "../../model/upstream/failure-accrual.ts";
import type { Place } from "../check/place.ts";
import { readerOf, type StructReader, structOf } from "./struct-reader.ts";

/** The filter metadata that says how a cluster's endpoints are judged. */
export const ACCRUAL_METADATA = "outrigger.failure_accrual";

export function encodeFailureAccrual(accrual: FailureAccrual | undefined): {
  readonly [ACCRUAL_METADATA]?: JsonObject;
} {
  return accrual === undefined ? {} : { [ACCRUAL_METADATA]: structOf(accrual) };
}

/**
 * The model's fields under the model's names; what is not said is Linkerd's default. `known`: false
 * where the cluster has no endpoints of its own. `place`: of the cluster.
 */
export function decodeFailureAccrual(
  metadata: Metadata | undefined,
  known: boolean,
  place: Place,
): { readonly failureAccrual?: FailureAccrual } {
  const struct = metadata?.filterMetadata[ACCRUAL_METADATA];
  if (struct === undefined) return {};
  const at = place.field("metadata").field("filter_metadata").field(ACCRUAL_METADATA);
  if (!known) at.refuse("judges endpoints of the cluster", "ORIGINAL_DST", "another type");
  const reader = readerOf(struct, at);
  return reader === undefined ? {} : { failureAccrual: readAccrual(reader, at) };
}

function readAccrual(reader: StructReader, place: Place): FailureAccrual {
  const otherwise = ACCRUAL_DEFAULTS;
  const { penaltyMs, maxFailures, jitterRatio } = ACCRUAL_BOUNDS;
  const accrual: FailureAccrual = {
    maxFailures: reader.whole("maxFailures", maxFailures, otherwise.maxFailures),
    successRate: readSuccessRate(reader.mapping("successRate")),
    minPenaltyMs: reader.whole("minPenaltyMs", penaltyMs, otherwise.minPenaltyMs),
    maxPenaltyMs: reader.whole("maxPenaltyMs", penaltyMs, otherwise.maxPenaltyMs),
    jitterRatio: reader.number("jitterRatio", jitterRatio, otherwise.jitterRatio),
    honorRetryAfter: reader.flag("honorRetryAfter", otherwise.honorRetryAfter),
  };
  reader.end();
  const { minPenaltyMs, maxPenaltyMs } = accrual;
  if (minPenaltyMs > maxPenaltyMs) {
    const allowed = `at least ${minPenaltyMs}`;
    place.field("maxPenaltyMs").refuse("is below the first penalty", maxPenaltyMs, allowed);
  }
  return accrual;
}

function readSuccessRate(reader: StructReader | undefined): SuccessRateAccrual | undefined {
  if (reader === undefined) return undefined;
  const { threshold, windowMs, minRequests } = ACCRUAL_BOUNDS;
  const decoded: SuccessRateAccrual = {
    threshold: reader.number("threshold", threshold, undefined),
    windowMs: reader.whole("windowMs", windowMs, undefined),
    minRequests: reader.whole("minRequests", minRequests, undefined),
  };
  reader.end();
  return decoded;
}
