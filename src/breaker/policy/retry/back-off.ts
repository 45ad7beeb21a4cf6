import type { Chance } from "../../clock.ts";

export interface BackOff {
  /** The longest wait before the first repetition; doubled for each further one. Default 100 ms. */
  readonly baseMs?: number;
  /** The longest of all. Default 5 s. */
  readonly maxMs?: number;
}

/**
 * The wait before the `repetition`th try again (0 is the first): anything from 0 to the bound, so
 * that callers who failed together do not come back together ("full jitter").
 */
export function backOffMs(
  { baseMs = 100, maxMs = 5000 }: BackOff,
  repetition: number,
  chance: Chance,
): number {
  return chance() * Math.min(maxMs, baseMs * 2 ** repetition);
}
