import type { ErrorOrigin, IntervalCounts } from "./host-record.ts";

/** Of a host that nobody knows anything about; Envoy prints it so. */
export const NO_RATE = -1;

/** By whose errors they are: percent, or -1. */
export type SuccessRates = Readonly<Record<ErrorOrigin, number>>;

export const NO_RATES: SuccessRates = { external: NO_RATE, localOrigin: NO_RATE };

/** Percent; undefined where there was nothing to succeed. */
export function successRate({ total, succeeded }: IntervalCounts): number | undefined {
  return total === 0 ? undefined : (succeeded * 100) / total;
}

export interface RateThreshold {
  readonly mean: number;
  /** Hosts below are outliers. */
  readonly threshold: number;
}

/** By whose errors they are. */
export type RateThresholds = Readonly<Record<ErrorOrigin, RateThreshold>>;

/** No threshold: too few hosts had enough to do. */
export const NO_THRESHOLD: RateThreshold = { mean: NO_RATE, threshold: NO_RATE };

/**
 * Envoy: the mean less so many standard deviations of the population; `factor` in thousandths.
 * `rates`: at least one.
 */
export function rateThreshold(rates: readonly number[], factor: number): RateThreshold {
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length;
  return { mean, threshold: mean - (factor / 1000) * Math.sqrt(variance) };
}
