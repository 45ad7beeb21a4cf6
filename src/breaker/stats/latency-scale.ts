// hot path: no allocation per request

/**
 * A log-linear scale for durations, as HdrHistogram has it: each doubling is cut into 16 equal
 * steps, so that a step is at most 1/16 of what it stands for. In microseconds; what is below 16 of
 * them is exact, what is above 35 minutes is as good as that.
 */
const STEPS = 16;
const STEP_BITS = 4;
const TOP_BIT = 30;
const US_MAX = 2 ** (TOP_BIT + 1) - 1;

/** How many steps there are. */
export const LATENCY_STEPS: number = (TOP_BIT - STEP_BITS + 2) * STEPS;

/** The step of a duration in milliseconds. */
export function stepOf(durationMs: number): number {
  const us = durationMs * 1000;
  if (us < STEPS) return us > 0 ? us | 0 : 0;
  const whole = us < US_MAX ? us | 0 : US_MAX;
  const doublings = TOP_BIT + 1 - STEP_BITS - Math.clz32(whole);
  return doublings * STEPS + (whole >>> doublings);
}

/** Where a step begins, in milliseconds. */
export function stepStartMs(step: number): number {
  if (step < STEPS) return step / 1000;
  const doublings = Math.floor(step / STEPS) - 1;
  return ((STEPS + (step % STEPS)) * 2 ** doublings) / 1000;
}
