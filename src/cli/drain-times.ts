import type { DrainTimes } from "../proxy/graceful/lifecycle.ts";

export const DRAIN_ALLOWED = "a number of seconds from 0 to 86400";

/** A day. */
const SECONDS_MAX = 86_400;

/** `--drain-time-s` and `--min-drain-time-s`; undefined for what is no such number. */
export function parseDrainSeconds(text: string): number | undefined {
  if (!/^\d+(?:\.\d+)?$/.test(text)) return undefined;
  const seconds = Number(text);
  return seconds <= SECONDS_MAX ? seconds : undefined;
}

/** Both in seconds. */
export function drainTimes(drainS: number, acceptS: number): DrainTimes {
  return { drainMs: drainS * 1000, acceptMs: acceptS * 1000 };
}
