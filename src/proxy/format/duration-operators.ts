import type { Operator } from "./operators.ts";
import type { FormatFigures } from "./source.ts";

/** Envoy's names of moments, as far as one is kept here; 0 while it has not come. */
const MOMENTS: Readonly<Record<string, (figures: FormatFigures) => number>> = {
  DS_RX_BEG: ({ startedAtMs }) => startedAtMs,
  DS_RX_END: ({ requestCompleteAtMs }) => requestCompleteAtMs,
  US_RX_BEG: ({ upstreamFirstByteAtMs }) => upstreamFirstByteAtMs,
  DS_TX_END: ({ endedAtMs }) => endedAtMs,
};

const UNITS: Readonly<Record<string, number>> = { ms: 1, us: 1e3, ns: 1e6 };

export const DURATION_OPERATORS: Readonly<Record<string, Operator>> = {
  DURATION: between("DS_RX_BEG", "DS_TX_END"),
  REQUEST_DURATION: between("DS_RX_BEG", "DS_RX_END"),
  RESPONSE_DURATION: between("DS_RX_BEG", "US_RX_BEG"),
  RESPONSE_TX_DURATION: between("US_RX_BEG", "DS_TX_END"),
};

/** `%COMMON_DURATION(FROM:TO:UNIT)%`. */
export function commonDuration(argument: string): Operator | string {
  const [from = "", to = "", unit = "", ...more] = argument.split(":");
  const known = [from, to].every((moment) => Object.hasOwn(MOMENTS, moment));
  if (known && Object.hasOwn(UNITS, unit) && more.length === 0) return between(from, to, unit);
  const moments = Object.keys(MOMENTS).join(", ");
  return `COMMON_DURATION takes two of ${moments} and ms, us or ns: COMMON_DURATION(X:Y:ms)`;
}

/** Whole units; undefined while one of the moments has not come. */
function between(from: string, to: string, unit = "ms"): Operator {
  const begin = MOMENTS[from];
  const end = MOMENTS[to];
  const factor = UNITS[unit] ?? 1;
  return ({ account }) => {
    const beginMs = begin?.(account) ?? 0;
    const endMs = end?.(account) ?? 0;
    if (beginMs === 0 || endMs === 0 || endMs < beginMs) return undefined;
    const ms = endMs - beginMs;
    return factor === 1 ? Math.floor(ms) : Math.round(ms * factor);
  };
}
