import fc from "fast-check";
import type { OutlierDetection } from "../../src/model/upstream/outlier-detection.ts";
import { positiveMs } from "./arbitrary-words.ts";

const count = fc.integer({ min: 0, max: 4_294_967_295 });
const percent = fc.integer({ min: 0, max: 100 });

/** Any that may travel. */
export const outlierDetection: fc.Arbitrary<OutlierDetection> = fc
  .record({
    consecutive5xx: count,
    enforcingConsecutive5xx: percent,
    consecutiveGatewayFailure: count,
    enforcingConsecutiveGatewayFailure: percent,
    splitExternalLocalOriginErrors: fc.boolean(),
    consecutiveLocalOriginFailure: count,
    enforcingConsecutiveLocalOriginFailure: percent,
    intervalMs: positiveMs,
    times: fc.tuple(positiveMs, positiveMs),
    maxEjectionTimeJitterMs: fc.nat({ max: 100_000 }),
    maxEjectionPercent: percent,
    alwaysEjectOneHost: fc.boolean(),
    enforcingSuccessRate: percent,
    enforcingLocalOriginSuccessRate: percent,
    successRateMinimumHosts: count,
    successRateRequestVolume: count,
    successRateStdevFactor: count,
    failurePercentageThreshold: percent,
    enforcingFailurePercentage: percent,
    enforcingFailurePercentageLocalOrigin: percent,
    failurePercentageMinimumHosts: count,
    failurePercentageRequestVolume: count,
    successfulActiveHealthCheckUnejectHost: fc.boolean(),
  })
  .map(({ times, ...rest }) => ({
    ...rest,
    baseEjectionTimeMs: Math.min(...times),
    maxEjectionTimeMs: Math.max(...times),
  }));
