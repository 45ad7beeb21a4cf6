import type { Cluster } from "../../../model/cluster.ts";
import type { FailureAccrual } from "../../../model/upstream/failure-accrual.ts";
import {
  ENVOY_OUTLIER_DETECTION,
  type OutlierDetection,
} from "../../../model/upstream/outlier-detection.ts";

/** What of a cluster says how its endpoints are judged. */
type Judged = Pick<Cluster, "failureAccrual" | "outlierDetection" | "healthyPanicThreshold">;

/**
 * A cluster whose endpoints are judged as Linkerd does. What is shut gets nothing, also where all
 * are: there is no panic. An Envoy, which knows nothing of it, gets the nearest outlier detection,
 * unless a DestinationRule has one.
 */
export function withAccrual(
  cluster: Cluster,
  accrual: FailureAccrual | undefined,
  ours: boolean,
): Cluster {
  const isJudged = accrual !== undefined && cluster.discovery !== "originalDst";
  return isJudged ? { ...cluster, ...judgedBy(cluster, accrual, ours) } : cluster;
}

function judgedBy(cluster: Cluster, accrual: FailureAccrual, ours: boolean): Judged {
  const { outlierDetection } = cluster;
  if (ours) return { failureAccrual: accrual, outlierDetection, healthyPanicThreshold: 0 };
  return {
    outlierDetection: outlierDetection ?? nearestOutlierDetection(accrual),
    healthyPanicThreshold: 0,
  };
}

/**
 * Failures in a row eject, penalties grow by the base instead of doubling, and whoever comes back
 * gets all of its requests at once: Envoy has no probation.
 */
export function nearestOutlierDetection(accrual: FailureAccrual): OutlierDetection {
  const { maxFailures, minPenaltyMs, maxPenaltyMs, jitterRatio, successRate } = accrual;
  return {
    ...ENVOY_OUTLIER_DETECTION,
    consecutive5xx: maxFailures === 0 ? ENVOY_OUTLIER_DETECTION.consecutive5xx : maxFailures,
    enforcingConsecutive5xx: maxFailures === 0 ? 0 : 100,
    intervalMs: Math.min(ENVOY_OUTLIER_DETECTION.intervalMs, minPenaltyMs),
    baseEjectionTimeMs: minPenaltyMs,
    maxEjectionTimeMs: maxPenaltyMs,
    maxEjectionTimeJitterMs: Math.min(minPenaltyMs * jitterRatio, maxPenaltyMs),
    maxEjectionPercent: 100,
    alwaysEjectOneHost: true,
    enforcingSuccessRate: 0,
    ...(successRate === undefined || successRate.threshold === 0 ? {} : percentageOf(successRate)),
  };
}

/** More failures than the rest of the success rate allows eject, judged at every sweep. */
function percentageOf({
  threshold,
  minRequests,
}: NonNullable<FailureAccrual["successRate"]>): Partial<OutlierDetection> {
  return {
    failurePercentageThreshold: Math.min(100, Math.max(1, Math.ceil((1 - threshold) * 100))),
    enforcingFailurePercentage: 100,
    failurePercentageMinimumHosts: 1,
    failurePercentageRequestVolume: Math.max(1, minRequests),
  };
}
