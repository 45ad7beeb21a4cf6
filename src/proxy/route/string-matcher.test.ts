import { describe, expect, it } from "vitest";
import { compileStringMatch } from "./string-matcher.ts";

describe("a match that ignores case", () => {
  const matcher = compileStringMatch({ kind: "exact", value: "Kéy", ignoreCase: true });

  it("folds ASCII letters", () => {
    expect(matcher.matches("kéY")).toBe(true);
  });

  it.each([
    ["an accent that a header's bytes only seem to be", "kÉy"],
    ["the Kelvin sign, which is no k", "\u212aéy"],
  ])("leaves %s as it is", (_what, text) => {
    expect(matcher.matches(text)).toBe(false);
  });
});
