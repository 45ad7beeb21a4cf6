import { parseDuration } from "../../base/duration.ts";

/** GEP-2257: whole numbers, at most four of them. */
const DURATION = /^([0-9]{1,5}(h|m|s|ms)){1,4}$/;
export const DURATION_WORDS: string = "a duration such as 10s, 1h30m, 500ms";

/** Milliseconds; undefined where it is none. */
export function gatewayDuration(text: string): number | undefined {
  return DURATION.test(text) ? parseDuration(text) : undefined;
}
