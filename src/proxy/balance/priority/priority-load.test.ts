import { describe, expect, it } from "vitest";
import { type Level, loadOf } from "./priority-load.ts";

/** Of a hundred hosts so many are healthy, and so many degraded. */
function level(healthy: number, degraded = 0, total = 100): Level {
  return { total, healthy, degraded };
}

interface Case {
  readonly name: string;
  readonly levels: readonly Level[];
  readonly threshold?: number;
  readonly factor?: number;
  readonly healthy: readonly number[];
  readonly degraded?: readonly number[];
  readonly panic?: readonly boolean[];
}

/** The first ones are the tables of Envoy's documentation (priority levels, panic threshold). */
const CASES: readonly Case[] = [
  { name: "both whole", levels: [level(100), level(100)], healthy: [100, 0] },
  { name: "72 percent", levels: [level(72), level(72)], healthy: [100, 0] },
  { name: "71 percent", levels: [level(71), level(71)], healthy: [99, 1] },
  { name: "50 percent", levels: [level(50), level(50)], healthy: [70, 30] },
  { name: "25 percent and whole", levels: [level(25), level(100)], healthy: [35, 65] },
  {
    name: "25 percent each, which is half of what is needed",
    levels: [level(25), level(25)],
    healthy: [50, 50],
    panic: [true, true],
  },
  {
    name: "25 percent each, without panic",
    levels: [level(25), level(25)],
    threshold: 0,
    healthy: [50, 50],
  },
  {
    name: "three priorities of 25 percent, which suffice",
    levels: [level(25), level(25), level(25)],
    healthy: [35, 35, 30],
  },
  {
    name: "nobody in the first",
    levels: [level(0), level(100)],
    healthy: [0, 100],
  },
  {
    name: "degraded hosts behind healthy ones, the rounding to the first",
    levels: [level(10, 20), level(20, 10), level(10)],
    threshold: 0,
    healthy: [16, 28, 14],
    degraded: [28, 14, 0],
  },
  {
    name: "only degraded hosts",
    levels: [level(0, 50), level(0, 100)],
    healthy: [0, 0],
    degraded: [70, 30],
  },
  {
    name: "a priority that panics alone",
    levels: [level(10), level(60, 0, 200)],
    threshold: 20,
    // Health is 14 and 42: of 56, 25 and 75.
    healthy: [25, 75],
    panic: [true, false],
  },
  {
    name: "all panic: by how many they are",
    levels: [level(0, 0, 30), level(0, 0, 60)],
    healthy: [34, 66],
    panic: [true, true],
  },
  {
    name: "nobody and no panic",
    levels: [level(0), level(0)],
    threshold: 0,
    healthy: [100, 0],
  },
  { name: "no hosts at all", levels: [level(0, 0, 0)], healthy: [100], panic: [true] },
  {
    name: "a gap in the priorities",
    levels: [level(50), level(0, 0, 0), level(100)],
    healthy: [70, 0, 30],
  },
  {
    name: "no more than a host's share",
    levels: [level(50), level(50)],
    factor: 100,
    healthy: [50, 50],
  },
];

describe.each(CASES)("$name", (one) => {
  it("divides the load", () => {
    const { levels, factor = 140, threshold = 50 } = one;
    const none = levels.map(() => 0);
    expect(loadOf(levels, factor, threshold)).toEqual({
      healthy: one.healthy,
      degraded: one.degraded ?? none,
      panic: one.panic ?? levels.map(() => false),
    });
  });
});
