// hot path: no allocation per request

/** Adds to one cell; the whole cost of counting (1-3 ns). */
export function add(cells: Float64Array, index: number, amount: number): void {
  cells[index] = (cells[index] as number) + amount;
}

/** The value of one cell; 0 outside the block. */
export function at(cells: Float64Array, index: number): number {
  return cells[index] ?? 0;
}

/**
 * Records one value into a histogram that starts at `offset`: its buckets (not cumulative), the
 * overflow bucket, the sum. Small values, the usual ones, are found first.
 */
export function observe(
  cells: Float64Array,
  offset: number,
  bounds: readonly number[],
  value: number,
): void {
  let bucket = 0;
  while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket++;
  const count = offset + bucket;
  const sum = offset + bounds.length + 1;
  cells[count] = (cells[count] as number) + 1;
  cells[sum] = (cells[sum] as number) + value;
}
