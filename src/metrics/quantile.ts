/** The quantiles that Envoy prints of a histogram, in percent. */
export const QUANTILES: readonly number[] = [0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100];

/**
 * The value below which `percent` of the observations lie, as far as buckets can tell: evenly
 * spread inside each. `counts` are not cumulative; what lies beyond the last bound counts as that.
 * NaN without observations.
 */
export function quantileOf(
  percent: number,
  bounds: readonly number[],
  counts: ArrayLike<number>,
): number {
  const total = Array.from({ length: bounds.length + 1 }, (_, i) => counts[i] ?? 0).reduce(
    (sum, count) => sum + count,
    0,
  );
  if (total === 0) return Number.NaN;
  const wanted = (percent / 100) * total;
  let below = 0;
  for (let i = 0; i < bounds.length; i++) {
    const count = counts[i] ?? 0;
    if (count > 0 && below + count >= wanted) {
      const low = i === 0 ? 0 : (bounds[i - 1] ?? 0);
      return low + ((wanted - below) / count) * ((bounds[i] ?? low) - low);
    }
    below += count;
  }
  return bounds[bounds.length - 1] ?? Number.NaN;
}
