import type { Cluster } from "../../../model/cluster.ts";
import { CIRCUIT_DEFAULTS } from "../../../model/resilience/circuit-bounds.ts";
import type { CircuitPolicy } from "../../../model/resilience/circuit-policy.ts";
import {
  ENVOY_OUTLIER_DETECTION,
  type OutlierDetection,
} from "../../../model/upstream/outlier-detection.ts";

type Circuit = CircuitPolicy["circuit"];

/**
 * What a real Envoy has that comes nearest: hosts that fail are ejected one by one, all of them if
 * need be, and where none is left calls are refused, as by an open circuit. An outlier detection
 * that a DestinationRule asks for stays as it is.
 */
export function asEnvoyCan(cluster: Cluster, circuit: Circuit): Cluster {
  const bulkhead = bulkheadOf(cluster, circuit);
  if (cluster.outlierDetection !== undefined) return bulkhead;
  // At 50, Envoy's default, it would call ejected hosts again as soon as half of them are out.
  return { ...bulkhead, outlierDetection: ejections(circuit), healthyPanicThreshold: 0 };
}

function bulkheadOf(cluster: Cluster, { maxConcurrent }: Circuit): Cluster {
  if (maxConcurrent === undefined) return cluster;
  const { thresholds } = cluster;
  const maxRequests = Math.min(thresholds.maxRequests, maxConcurrent);
  return { ...cluster, thresholds: { ...thresholds, maxRequests } };
}

function ejections({ open, sleepMs, window }: Circuit): OutlierDetection {
  const common: OutlierDetection = {
    ...ENVOY_OUTLIER_DETECTION,
    enforcingSuccessRate: 0,
    // Envoy's times grow with every ejection; a circuit's sleep is always the same.
    baseEjectionTimeMs: sleepMs,
    maxEjectionTimeMs: sleepMs,
    maxEjectionPercent: 100,
  };
  if (open.kind === "consecutiveErrors") {
    // Only a sweep lets hosts back in.
    const intervalMs = Math.min(sleepMs, window.durationMs);
    return { ...common, consecutive5xx: open.errors, intervalMs };
  }
  return {
    ...common,
    enforcingConsecutive5xx: 0,
    intervalMs: window.durationMs,
    failurePercentageThreshold: open.errorPercentage,
    enforcingFailurePercentage: 100,
    failurePercentageMinimumHosts: 1,
    failurePercentageRequestVolume: open.requestVolume,
  };
}

/** What of a policy a real Envoy does not do, in words; `hasOutlier`: a DestinationRule's holds. */
export function lostOnEnvoy(policy: CircuitPolicy, hasOutlier: boolean): readonly string[] {
  const { circuit, fallback, targets } = policy;
  const routes = targets.some((target) => "sectionName" in target);
  const clusters = targets.some((target) => !("sectionName" in target));
  const lost = clusters ? lostOfClusters(circuit, hasOutlier) : [];
  return [
    ...(routes ? ["circuits of routes"] : []),
    ...lost,
    ...(fallback === undefined ? [] : [`the fallback (${fallback.kind})`]),
    ...(circuit.explains ? ["the header that names the policy"] : []),
  ];
}

function lostOfClusters(circuit: Circuit, hasOutlier: boolean): readonly string[] {
  const { errors, open, probes, scope } = circuit;
  const usual = CIRCUIT_DEFAULTS.errors;
  const isUsual = JSON.stringify(errors.statuses) === JSON.stringify(usual.statuses);
  return [
    hasOutlier
      ? "opening, since outlierDetection or failure accrual of its service holds instead"
      : "one circuit for all endpoints (each is judged and left out alone)",
    ...(open.kind === "errorPercentage" ? ["the sliding window (it is judged once a window)"] : []),
    `half-open with ${probes} ${probes === 1 ? "probe" : "probes"} (all calls come back at once)`,
    ...(isUsual ? [] : ["the choice of statuses (every 5xx counts, and nothing else)"]),
    ...(errors.slowerThanMs === undefined ? [] : ["slowness as an error"]),
    ...(scope === "mesh" ? ["the scope Mesh"] : []),
  ];
}
