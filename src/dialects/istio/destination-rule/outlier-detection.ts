import type { OutlierSettings } from "../../../model/destination-policy.ts";
import type { Spec } from "../spec.ts";

/** OutlierDetection; failures in a row of 0 are none, in all other numbers 0 is as unset. */
export function readOutlierDetection(outlier: Spec): OutlierSettings | undefined {
  check(outlier);
  if (!outlier.present) return undefined;
  const splitsLocalOrigin = outlier.at("splitExternalLocalOriginErrors").flag() ?? false;
  const localOrigin = outlier.at("consecutiveLocalOriginFailures").count();
  return {
    consecutive5xxErrors: outlier.at("consecutive5xxErrors").count(),
    consecutiveGatewayErrors: outlier.at("consecutiveGatewayErrors").count(),
    splitsLocalOrigin,
    consecutiveLocalOriginFailures: splitsLocalOrigin ? localOrigin || undefined : undefined,
    intervalMs: outlier.at("interval").durationMs(),
    baseEjectionTimeMs: outlier.at("baseEjectionTime").durationMs(),
    maxEjectionPercent: outlier.at("maxEjectionPercent").count() || undefined,
    minHealthPercent: outlier.at("minHealthPercent").count() ?? 0,
  };
}

function check(outlier: Spec): void {
  const deprecated = outlier.at("consecutiveErrors");
  if ((deprecated.integer() ?? 0) !== 0) {
    deprecated.doubt(
      "outlier detection consecutive errors is deprecated, " +
        "use consecutiveGatewayErrors or consecutive5xxErrors instead",
    );
  }
  const split = outlier.at("splitExternalLocalOriginErrors").flag() === true;
  if (!split && (outlier.at("consecutiveLocalOriginFailures").count() ?? 0) > 0) {
    outlier.refuse(
      "outlier detection consecutive local origin failures is specified, " +
        "but split external local origin errors is set to false",
    );
  }
  for (const field of ["maxEjectionPercent", "minHealthPercent"]) {
    const percent = outlier.at(field);
    const value = percent.integer() ?? 0;
    if (value < 0 || value > 100) {
      percent.refuse(`percentage ${value} is not in range 0..100`, "0..100");
    }
  }
}
