/** Envoy: type.v3.FractionalPercent: this share of all requests. */
export interface Fraction {
  readonly numerator: number;
  readonly denominator: 100 | 10_000 | 1_000_000;
}

/** Envoy's default where a share may be left out. */
export const ALL: Fraction = { numerator: 100, denominator: 100 };
