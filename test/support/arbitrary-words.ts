import fc from "fast-check";
import type { Fraction } from "../../src/model/filter/fraction.ts";
import type { Origin } from "../../src/model/origin.ts";
import type { HeaderMatch, HeaderMutations, StringMatch } from "../../src/model/route.ts";

/** What configurations of any kind are made of. Values are small; shapes are all there. */

export const name: fc.Arbitrary<string> = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
export const text: fc.Arbitrary<string> = fc.stringMatching(/^[A-Za-z0-9 /_.:-]{0,12}$/);
export const someText: fc.Arbitrary<string> = fc.stringMatching(/^[A-Za-z0-9/_.:-]{1,12}$/);
export const ms: fc.Arbitrary<number> = fc.integer({ min: 0, max: 100_000 });
export const positiveMs: fc.Arbitrary<number> = fc.integer({ min: 1, max: 100_000 });
export const port: fc.Arbitrary<number> = fc.integer({ min: 1, max: 65_535 });
export const few: { readonly minLength: 1; readonly maxLength: 3 } = { minLength: 1, maxLength: 3 };
export const upTo3: { readonly maxLength: 3 } = { maxLength: 3 };

export function optional<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(arbitrary, { nil: undefined });
}

export const origin: fc.Arbitrary<Origin> = fc.record({
  position: fc.record({ file: someText, line: fc.nat(999), column: fc.nat(99) }),
  kind: someText,
  namespace: text,
  name: someText,
  path: text,
});

export const fraction: fc.Arbitrary<Fraction> = fc.record({
  numerator: fc.nat(100),
  denominator: fc.constantFrom(100, 10_000, 1_000_000),
});

export const headerName: fc.Arbitrary<string> = fc.stringMatching(/^x-[a-z]{1,6}$/);

export const mutations: fc.Arbitrary<HeaderMutations> = fc.record({
  set: fc.array(
    fc.record({
      name: headerName,
      value: text,
      action: fc.constantFrom("append", "addIfAbsent", "overwrite", "overwriteIfExists"),
    }),
    upTo3,
  ),
  remove: fc.array(headerName, upTo3),
});

export const stringMatch: fc.Arbitrary<StringMatch> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("exact", "prefix", "suffix", "contains"),
    value: someText,
    ignoreCase: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant("regex" as const),
    value: fc.constantFrom("a+b", "^/v[0-9]+$", ".*"),
    ignoreCase: fc.constant(false),
  }),
);

export const headerMatch: fc.Arbitrary<HeaderMatch> = fc.record({
  name: headerName,
  value: optional(stringMatch),
  invert: fc.boolean(),
  missingAsEmpty: fc.boolean(),
});
