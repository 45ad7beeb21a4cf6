import type { OutlierSettings } from "../../../model/destination-policy.ts";
import type { Spec } from "../spec.ts";

/** OutlierDetection as far as it is executed: it turns failover on, and panic off. */
export function readOutlierDetection(outlier: Spec): OutlierSettings | undefined {
  check(outlier);
  if (!outlier.present) return undefined;
  return { minHealthPercent: outlier.at("minHealthPercent").count() ?? 0 };
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
