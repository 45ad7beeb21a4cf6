import { describe, expect, it } from "vitest";
import { RetryBudget } from "./retry-budget.ts";

function taken(budget: RetryBudget, now: number, asked: number): number {
  return Array.from({ length: asked }, () => budget.take(now)).filter(Boolean).length;
}

describe("RetryBudget", () => {
  it("allows a share of the calls of its window, and a few a second always", () => {
    const budget = new RetryBudget({ ratio: 0.1, minPerSecond: 1, windowMs: 10_000 });
    for (let i = 0; i < 100; i++) budget.count(i);
    expect(taken(budget, 100, 50)).toBe(20);
    expect(budget).toMatchObject({ allowed: 20, refused: 30 });
  });

  it("allows whole shares however they add up", () => {
    const budget = new RetryBudget({ ratio: 0.1, minPerSecond: 0 });
    for (let i = 0; i < 30; i++) budget.count(0);
    expect(taken(budget, 0, 10)).toBe(3);
  });

  it("forgets what is older than its window, bucket by bucket", () => {
    const budget = new RetryBudget({ ratio: 1, minPerSecond: 0, windowMs: 1000 });
    budget.count(0);
    budget.count(500);
    expect(taken(budget, 999, 5)).toBe(2);
    // The calls at 0 and 500 are gone, the two repetitions of 999 count on.
    budget.count(1600);
    budget.count(1600);
    expect(taken(budget, 1600, 5)).toBe(0);
    expect(taken(budget, 1999, 5)).toBe(2);
  });

  it("forgets everything after a long silence", () => {
    const budget = new RetryBudget({ ratio: 1, minPerSecond: 0, windowMs: 1000 });
    for (let i = 0; i < 10; i++) budget.count(100);
    expect(taken(budget, 1_000_000, 5)).toBe(0);
  });

  it.each([{ ratio: -1 }, { minPerSecond: -1 }, { windowMs: 0 }])("refuses %o", (options) => {
    expect(() => new RetryBudget(options)).toThrow(RangeError);
  });
});
