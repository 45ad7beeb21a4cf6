import { describe, expect, it } from "vitest";
import type { Outcome } from "../breaker.ts";
import { LocalCells } from "../circuit/cells.ts";
import { createStrategy, strategyCells } from "./create.ts";
import type { Strategy, StrategyOptions } from "./strategy.ts";

function strategyOf(options: StrategyOptions): Strategy {
  return createStrategy(new LocalCells(strategyCells(options)), 0, options);
}

const LETTERS: Record<string, Outcome> = {
  s: "success",
  f: "failure",
  t: "throttled",
  i: "ignored",
};

/** After how many calls of a row it opens; 0: after none. */
function opensAfter(strategy: Strategy, row: string, stepMs = 0): number {
  for (const [index, letter] of [...row].entries()) {
    if (strategy.record(LETTERS[letter] ?? "ignored", index * stepMs)) return index + 1;
  }
  return 0;
}

const window = { durationMs: 10_000, buckets: 10 };
const unified = {
  kind: "unified",
  ...window,
  maxFailures: 7,
  successRate: 0.8,
  minRequests: 5,
} as const;

describe("a strategy", () => {
  it.each<[string, StrategyOptions, string, number]>([
    ["counts failures in a row", { kind: "consecutive", failures: 3 }, "ffsfff", 6],
    ["lets no success pass", { kind: "consecutive", failures: 3 }, "ffsffsff", 0],
    ["leaves a row alone for throttled calls", { kind: "consecutive", failures: 3 }, "fftif", 5],
    [
      "looks at the ratio from the least number of calls on",
      { kind: "ratio", ...window, minRequests: 5, failureRatio: 0.4 },
      "fffff",
      5,
    ],
    [
      "opens at exactly the ratio",
      { kind: "ratio", ...window, minRequests: 5, failureRatio: 0.4 },
      "sssff",
      5,
    ],
    [
      "stays closed below the ratio",
      { kind: "ratio", ...window, minRequests: 5, failureRatio: 0.4 },
      "sssfsssf",
      0,
    ],
    ["unified: opens for failures in a row", { ...unified, successRate: 0 }, "fffffff", 7],
    ["unified: opens for too few successes", unified, "ssssf", 0],
    ["unified: opens below the rate, not at it", unified, "sssff", 5],
    ["unified: counts throttled calls into the rate", { ...unified, maxFailures: 1 }, "sssstt", 6],
    [
      "unified: does not count throttled calls in a row",
      { ...unified, successRate: 0 },
      "tttttttt",
      0,
    ],
    [
      "unified: 0 switches failures in a row off",
      { ...unified, maxFailures: 0, successRate: 0 },
      "ffffffffff",
      0,
    ],
  ])("%s", (_name, options, row, after) => {
    expect(opensAfter(strategyOf(options), row)).toBe(after);
  });

  it("starts anew when it is reset", () => {
    for (const options of [{ kind: "consecutive", failures: 3 }, unified] as const) {
      const strategy = strategyOf(options);
      opensAfter(strategy, "ff");
      strategy.reset();
      expect(opensAfter(strategy, "ff")).toBe(0);
    }
  });

  it("forgets what leaves its window", () => {
    expect(opensAfter(strategyOf({ ...unified, maxFailures: 0 }), "ffff", 11_000)).toBe(0);
  });
});
