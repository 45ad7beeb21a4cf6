import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../base/random.ts";
import { backOffMs, nearness, nearnessUntil, renewalAt } from "./schedule.ts";

const DAY_MS = 86_400_000;
const NEVER = { next: () => 0, below: () => 0 };
const LIFE = { from: 1000, notAfter: 1000 + DAY_MS };

describe("a certificate", () => {
  it("is renewed when half of its life as we have it is over", () => {
    expect(renewalAt(LIFE, NEVER)).toBe(1000 + DAY_MS / 2);
  });

  it("is renewed a little sooner by chance, and never later", () => {
    const random = new SeededRandom(1);
    const times = Array.from({ length: 1000 }, () => renewalAt(LIFE, random));
    expect(Math.max(...times)).toBeLessThanOrEqual(1000 + DAY_MS / 2);
    expect(Math.min(...times)).toBeGreaterThan(1000 + DAY_MS * 0.44);
    expect(new Set(times).size).toBeGreaterThan(900);
  });

  it("is never renewed within half a second, however short its life", () => {
    expect(renewalAt({ from: 1000, notAfter: 1100 }, NEVER)).toBe(1500);
  });
});

describe("the pauses between failures", () => {
  it("double up to ten seconds, each between half and all of that", () => {
    const random = new SeededRandom(1);
    for (const [failures, mostMs] of [
      [1, 500],
      [2, 1000],
      [5, 8000],
      [6, 10_000],
      [1000, 10_000],
    ] as const) {
      const pauses = Array.from({ length: 200 }, () => backOffMs(failures, random));
      expect(Math.max(...pauses)).toBeLessThanOrEqual(mostMs);
      expect(Math.min(...pauses)).toBeGreaterThanOrEqual(mostMs / 2);
    }
  });
});

describe("the end of a life", () => {
  it.each([
    { left: 0.26, is: "far", next: 0.25 },
    { left: 0.25, is: "near", next: 0.1 },
    { left: 0.1, is: "close", next: 0 },
    { left: 0, is: "over", next: undefined },
    { left: -1, is: "over", next: undefined },
  ])("is $is with $left left", ({ left, is, next }) => {
    const now = LIFE.notAfter - DAY_MS * left;
    expect(nearness(LIFE, now)).toBe(is);
    const until = next === undefined ? Number.POSITIVE_INFINITY : LIFE.notAfter - DAY_MS * next;
    expect(nearnessUntil(LIFE, now)).toBe(until);
  });
});
