/** What a suffix of a Kubernetes quantity multiplies by. */
const SUFFIX: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
};

const QUANTITY = /^\+?(\d+(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d{1,2})|(n|u|m|k|M|G|Ki|Mi|Gi))?$/;

/** `1`, `500m`, `0.5`, `1e3` (apimachinery's Quantity, no negative ones); undefined otherwise. */
export function parseQuantity(text: string): number | undefined {
  const [, digits, exponent, suffix] = QUANTITY.exec(text) ?? [];
  if (digits === undefined) return undefined;
  return Number(digits) * 10 ** Number(exponent ?? 0) * (SUFFIX[suffix ?? ""] ?? 1);
}

/**
 * Weights as whole numbers of the same proportion, because proxies take only those: as they are
 * where all are whole, else in thousandths, rounded up as Kubernetes rounds quantities.
 */
export function wholeWeights(weights: readonly number[]): number[] {
  if (weights.every(Number.isInteger)) return [...weights];
  // 0.1 * 1000 is 100.00000000000001 for some decimals; the next thousandth is not meant.
  return weights.map((weight) => Math.ceil(Number((weight * 1000).toFixed(6))));
}
