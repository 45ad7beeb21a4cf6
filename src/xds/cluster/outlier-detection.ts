import { create } from "@bufbuild/protobuf";
import {
  OutlierDetectionSchema,
  type OutlierDetection as OutlierMessage,
} from "../../gen/envoy/config/cluster/v3/outlier_detection_pb.js";
import type { Cluster } from "../../model/cluster.ts";
import {
  ENVOY_OUTLIER_DETECTION as ENVOY,
  type OutlierDetection,
} from "../../model/upstream/outlier-detection.ts";
import type { Place } from "../check/place.ts";
import { durationOr, toDuration } from "../message/scalar.ts";

type Times = Pick<
  OutlierDetection,
  "intervalMs" | "baseEjectionTimeMs" | "maxEjectionTimeMs" | "maxEjectionTimeJitterMs"
>;

/** The numbers and flags that have the same name in the model, and in protobuf a presence. */
const PLAIN = [
  "consecutive5xx",
  "enforcingConsecutive5xx",
  "consecutiveGatewayFailure",
  "enforcingConsecutiveGatewayFailure",
  "consecutiveLocalOriginFailure",
  "enforcingConsecutiveLocalOriginFailure",
  "maxEjectionPercent",
  "alwaysEjectOneHost",
  "enforcingSuccessRate",
  "enforcingLocalOriginSuccessRate",
  "successRateMinimumHosts",
  "successRateRequestVolume",
  "successRateStdevFactor",
  "failurePercentageThreshold",
  "enforcingFailurePercentage",
  "enforcingFailurePercentageLocalOrigin",
  "failurePercentageMinimumHosts",
  "failurePercentageRequestVolume",
  "successfulActiveHealthCheckUnejectHost",
] as const satisfies readonly (keyof OutlierDetection & keyof OutlierMessage)[];

type Plain = Pick<OutlierDetection, (typeof PLAIN)[number]>;

export function decodeOutlierDetection(
  message: OutlierMessage | undefined,
  place: Place,
): Pick<Cluster, "outlierDetection"> {
  if (message === undefined) return {};
  const said = PLAIN.map((field) => [field, message[field] ?? ENVOY[field]]);
  const plain = Object.fromEntries(said) as Plain;
  const { splitExternalLocalOriginErrors } = message;
  const times = decodeTimes(message, place);
  return { outlierDetection: { ...plain, splitExternalLocalOriginErrors, ...times } };
}

/** The longest time is at least the base one, where it is not set. */
function decodeTimes(message: OutlierMessage, place: Place): Times {
  const baseEjectionTimeMs = durationOr(message.baseEjectionTime, ENVOY.baseEjectionTimeMs);
  const longestMs = Math.max(ENVOY.maxEjectionTimeMs, baseEjectionTimeMs);
  const maxEjectionTimeMs = durationOr(message.maxEjectionTime, longestMs);
  if (maxEjectionTimeMs < baseEjectionTimeMs) {
    const allowed = `at least ${baseEjectionTimeMs} ms`;
    place
      .field("max_ejection_time")
      .refuse("is below base_ejection_time", `${maxEjectionTimeMs} ms`, allowed);
  }
  return {
    intervalMs: durationOr(message.interval, ENVOY.intervalMs),
    baseEjectionTimeMs,
    maxEjectionTimeMs,
    maxEjectionTimeJitterMs: durationOr(
      message.maxEjectionTimeJitter,
      ENVOY.maxEjectionTimeJitterMs,
    ),
  };
}

export function encodeOutlierDetection(detection: OutlierDetection): OutlierMessage {
  const plain: Plain = detection;
  return create(OutlierDetectionSchema, {
    ...Object.fromEntries(PLAIN.map((field) => [field, plain[field]])),
    splitExternalLocalOriginErrors: detection.splitExternalLocalOriginErrors,
    interval: toDuration(detection.intervalMs),
    baseEjectionTime: toDuration(detection.baseEjectionTimeMs),
    maxEjectionTime: toDuration(detection.maxEjectionTimeMs),
    maxEjectionTimeJitter: toDuration(detection.maxEjectionTimeJitterMs),
  });
}
