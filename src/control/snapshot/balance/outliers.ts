import type { OutlierSettings } from "../../../model/destination-policy.ts";
import {
  ENVOY_OUTLIER_DETECTION,
  type OutlierDetection,
} from "../../../model/upstream/outlier-detection.ts";

/** Envoy's, in percent. */
const ALWAYS = 100;
const NEVER = 0;

/**
 * What Istio makes of its own settings (istio: applyOutlierDetection): success rates eject nobody,
 * failures in a row that are set do always, and those of the gateway only where they are set.
 */
export function outlierDetectionOf(settings: OutlierSettings): OutlierDetection {
  const envoy = ENVOY_OUTLIER_DETECTION;
  const { consecutive5xxErrors, consecutiveGatewayErrors, splitsLocalOrigin } = settings;
  const baseEjectionTimeMs = settings.baseEjectionTimeMs ?? envoy.baseEjectionTimeMs;
  return {
    ...envoy,
    consecutive5xx: consecutive5xxErrors ?? envoy.consecutive5xx,
    enforcingConsecutive5xx: consecutive5xxErrors === 0 ? NEVER : ALWAYS,
    consecutiveGatewayFailure: consecutiveGatewayErrors ?? envoy.consecutiveGatewayFailure,
    enforcingConsecutiveGatewayFailure: (consecutiveGatewayErrors ?? 0) > 0 ? ALWAYS : NEVER,
    splitExternalLocalOriginErrors: splitsLocalOrigin,
    consecutiveLocalOriginFailure:
      settings.consecutiveLocalOriginFailures ?? envoy.consecutiveLocalOriginFailure,
    intervalMs: settings.intervalMs ?? envoy.intervalMs,
    baseEjectionTimeMs,
    maxEjectionTimeMs: Math.max(envoy.maxEjectionTimeMs, baseEjectionTimeMs),
    maxEjectionPercent: settings.maxEjectionPercent ?? envoy.maxEjectionPercent,
    enforcingSuccessRate: NEVER,
    enforcingLocalOriginSuccessRate: splitsLocalOrigin
      ? NEVER
      : envoy.enforcingLocalOriginSuccessRate,
  };
}
