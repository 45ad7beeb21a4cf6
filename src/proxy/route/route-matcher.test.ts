import { describe, expect, it } from "vitest";
import type { HeaderMatch } from "../../model/route.ts";
import { HeaderMatcher } from "./route-matcher.ts";

const PLAIN: HeaderMatch = {
  name: "x-one",
  value: { kind: "exact", value: "1", ignoreCase: false },
  invert: false,
  missingAsEmpty: false,
};

function matches(match: Partial<HeaderMatch>, value: string | undefined): boolean {
  return new HeaderMatcher({ ...PLAIN, ...match }).matches({ header: () => value });
}

/** As Envoy: HeaderUtility::HeaderDataBaseImpl. */
describe("a condition on a header", () => {
  it.each([
    { match: {}, of: { 1: true, 2: false, missing: false } },
    { match: { invert: true }, of: { 1: false, 2: true, missing: false } },
    { match: { missingAsEmpty: true }, of: { 1: true, 2: false, missing: false } },
    { match: { invert: true, missingAsEmpty: true }, of: { 1: false, 2: true, missing: true } },
    { match: { value: undefined }, of: { 1: true, 2: true, missing: false } },
    { match: { value: undefined, invert: true }, of: { 1: false, 2: false, missing: true } },
  ])("$match holds of $of", ({ match, of }) => {
    const found = {
      1: matches(match, "1"),
      2: matches(match, "2"),
      missing: matches(match, undefined),
    };
    expect(found).toEqual(of);
  });
});
