/**
 * Hosts that fail are left out for a while (Envoy: cluster.v3.OutlierDetection). Fields are
 * Envoy's, with its defaults filled in; percentages 0..100, an `enforcing…` one of 0 only counts.
 */
export interface OutlierDetection {
  readonly consecutive5xx: number;
  readonly enforcingConsecutive5xx: number;
  readonly consecutiveGatewayFailure: number;
  readonly enforcingConsecutiveGatewayFailure: number;
  /** Failures of our own making (connecting, timeouts, resets) are judged apart from answers. */
  readonly splitExternalLocalOriginErrors: boolean;
  readonly consecutiveLocalOriginFailure: number;
  readonly enforcingConsecutiveLocalOriginFailure: number;
  /** Between two sweeps, which judge success rates and let hosts back in. */
  readonly intervalMs: number;
  /** Multiplied by how often the host was ejected. */
  readonly baseEjectionTimeMs: number;
  readonly maxEjectionTimeMs: number;
  /** Added to every ejection: a random time below this. */
  readonly maxEjectionTimeJitterMs: number;
  readonly maxEjectionPercent: number;
  /** One host may go whatever `maxEjectionPercent` says. */
  readonly alwaysEjectOneHost: boolean;
  readonly enforcingSuccessRate: number;
  readonly enforcingLocalOriginSuccessRate: number;
  readonly successRateMinimumHosts: number;
  readonly successRateRequestVolume: number;
  /** In thousandths of the standard deviation. */
  readonly successRateStdevFactor: number;
  readonly failurePercentageThreshold: number;
  readonly enforcingFailurePercentage: number;
  readonly enforcingFailurePercentageLocalOrigin: number;
  readonly failurePercentageMinimumHosts: number;
  readonly failurePercentageRequestVolume: number;
  /** A passed health check lets an ejected host back in; Envoy's default true. */
  readonly successfulActiveHealthCheckUnejectHost: boolean;
}

/** Envoy's own defaults. */
export const ENVOY_OUTLIER_DETECTION: OutlierDetection = {
  consecutive5xx: 5,
  enforcingConsecutive5xx: 100,
  consecutiveGatewayFailure: 5,
  enforcingConsecutiveGatewayFailure: 0,
  splitExternalLocalOriginErrors: false,
  consecutiveLocalOriginFailure: 5,
  enforcingConsecutiveLocalOriginFailure: 100,
  intervalMs: 10_000,
  baseEjectionTimeMs: 30_000,
  maxEjectionTimeMs: 300_000,
  maxEjectionTimeJitterMs: 0,
  maxEjectionPercent: 10,
  alwaysEjectOneHost: false,
  enforcingSuccessRate: 100,
  enforcingLocalOriginSuccessRate: 100,
  successRateMinimumHosts: 5,
  successRateRequestVolume: 100,
  successRateStdevFactor: 1900,
  failurePercentageThreshold: 85,
  enforcingFailurePercentage: 0,
  enforcingFailurePercentageLocalOrigin: 0,
  failurePercentageMinimumHosts: 5,
  failurePercentageRequestVolume: 50,
  successfulActiveHealthCheckUnejectHost: true,
};
