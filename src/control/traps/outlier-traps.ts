import type { Diagnostic } from "../../base/diagnostic.ts";
import { formatDuration } from "../../base/duration.ts";
import { UNLIMITED } from "../../model/cluster.ts";
import type { OutlierDetection } from "../../model/upstream/outlier-detection.ts";
import type { EffectiveCluster } from "./effective.ts";
import { trapAt } from "./trap.ts";

/** Traps of a DestinationRule that ejects endpoints. */
export function outlierTraps(effective: EffectiveCluster): readonly Diagnostic[] {
  const { outlierDetection: outlier } = effective.cluster;
  if (outlier === undefined) return [];
  return [
    ...nobodyEjectable(effective, outlier),
    ...nothingEnforced(effective, outlier),
    ...shortEjections(effective, outlier),
    ...panics(effective),
    ...prefersItsZone(effective),
    ...unlimited(effective),
  ];
}

/** Envoy ejects as long as the share of ejected hosts stays within the limit: OUT0801. */
function nobodyEjectable(
  { cluster, hosts, origin }: EffectiveCluster,
  { alwaysEjectOneHost, maxEjectionPercent }: OutlierDetection,
): readonly Diagnostic[] {
  if (hosts === 0 || alwaysEjectOneHost || 100 / hosts <= maxEjectionPercent) return [];
  const least = Math.ceil(100 / hosts);
  const many = hosts === 1 ? "the only endpoint" : `one of ${hosts} endpoints`;
  return [
    trapAt(origin, {
      code: "OUT0801",
      message:
        `No endpoint of ${cluster.name} is ever ejected: ${many} is ${least}%, and at most ` +
        `${maxEjectionPercent}% may be out`,
      found: `maxEjectionPercent ${maxEjectionPercent}`,
      allowed: `at least ${least} for ${hosts} ${hosts === 1 ? "endpoint" : "endpoints"}`,
      hint: `write outlierDetection.maxEjectionPercent: ${Math.max(least, 50)}`,
    }),
  ];
}

/** OUT0802. */
function nothingEnforced(
  { cluster, origin }: EffectiveCluster,
  outlier: OutlierDetection,
): readonly Diagnostic[] {
  const { consecutive5xx, consecutiveGatewayFailure, consecutiveLocalOriginFailure } = outlier;
  const local = outlier.splitExternalLocalOriginErrors;
  const judges: readonly boolean[] = [
    consecutive5xx > 0 && outlier.enforcingConsecutive5xx > 0,
    consecutiveGatewayFailure > 0 && outlier.enforcingConsecutiveGatewayFailure > 0,
    local &&
      consecutiveLocalOriginFailure > 0 &&
      outlier.enforcingConsecutiveLocalOriginFailure > 0,
    outlier.enforcingSuccessRate > 0,
    local && outlier.enforcingLocalOriginSuccessRate > 0,
    outlier.enforcingFailurePercentage > 0,
    local && outlier.enforcingFailurePercentageLocalOrigin > 0,
  ];
  if (judges.includes(true)) return [];
  return [
    trapAt(origin, {
      code: "OUT0802",
      message: `Nothing ejects endpoints of ${cluster.name}: no kind of error is counted`,
      found: "consecutive5xxErrors 0, consecutiveGatewayErrors 0",
      allowed: "at least one of them above 0",
      hint: "write consecutive5xxErrors: 5, or leave outlierDetection out",
    }),
  ];
}

/** Only the sweep, once an interval, lets endpoints back in: OUT0803. */
function shortEjections(
  { cluster, origin }: EffectiveCluster,
  { baseEjectionTimeMs, intervalMs }: OutlierDetection,
): readonly Diagnostic[] {
  if (baseEjectionTimeMs >= intervalMs) return [];
  const [base, interval] = [baseEjectionTimeMs, intervalMs].map(formatDuration);
  return [
    trapAt(origin, {
      code: "OUT0803",
      message:
        `Endpoints of ${cluster.name} stay out longer than baseEjectionTime says: they are let ` +
        `back in once an interval, every ${interval}`,
      found: `baseEjectionTime ${base}, interval ${interval}`,
      allowed: "an interval no longer than baseEjectionTime",
      hint: `write interval: ${base}, or baseEjectionTime: ${interval}`,
    }),
  ];
}

/** OUT0804. */
function panics({ cluster, origin }: EffectiveCluster): readonly Diagnostic[] {
  const { healthyPanicThreshold: percent, name } = cluster;
  if (percent === 0) return [];
  return [
    trapAt(origin, {
      code: "OUT0804",
      message:
        `Where fewer than ${percent}% of the endpoints of ${name} are left, ejected ones get ` +
        "requests again: minHealthPercent means panic, not a reserve",
      found: `minHealthPercent ${percent}`,
      allowed: "0: ejected endpoints stay out",
      hint: "leave minHealthPercent out, or keep it where errors are better than overload",
    }),
  ];
}

/** Istio switches locality on with outlier detection, whether anybody asked or not: OUT0805. */
function prefersItsZone(effective: EffectiveCluster): readonly Diagnostic[] {
  const { cluster, localities, origin, saysLocality } = effective;
  const places = new Set(localities.map(({ region, zone }) => `${region}/${zone}`));
  if (places.size < 2 || saysLocality) return [];
  return [
    trapAt(origin, {
      code: "OUT0805",
      message:
        `outlierDetection makes clients of ${cluster.name} prefer endpoints of their own zone: ` +
        "others get requests only where those fail",
      found: `endpoints in ${[...places].toSorted().join(", ")}`,
      hint: "write loadBalancer.localityLbSetting: {enabled: false} to use all alike",
    }),
  ];
}

/** What people call circuit breaking in Istio is this as well: OUT0806. */
function unlimited({ cluster, origin }: EffectiveCluster): readonly Diagnostic[] {
  const { maxConnections, maxPendingRequests, maxRequests } = cluster.thresholds;
  const bulkhead = cluster.circuit?.maxConcurrent ?? UNLIMITED;
  const limits = [maxConnections, maxPendingRequests, maxRequests, bulkhead];
  if (limits.some((limit) => limit < UNLIMITED)) return [];
  return [
    trapAt(origin, {
      code: "OUT0806",
      message:
        `Nothing limits what is under way to ${cluster.name}: a service that hangs takes every ` +
        "connection that comes, since outlierDetection counts answers, not slowness",
      found: "no connectionPool limits (Istio's default is 4294967295)",
      hint: "write connectionPool.http.http2MaxRequests and tcp.maxConnections",
    }),
  ];
}
