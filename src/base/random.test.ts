import { expect, it } from "vitest";
import { SeededRandom } from "./random.ts";

it("gives the same row of numbers for the same seed", () => {
  const row = (seed: number) => {
    const random = new SeededRandom(seed);
    return Array.from({ length: 5 }, () => random.next());
  };
  expect(row(7)).toEqual(row(7));
  expect(row(7)).not.toEqual(row(8));
});

it("spreads evenly over its bound", () => {
  const random = new SeededRandom(1);
  const counts = [0, 0, 0, 0];
  for (let draw = 0; draw < 40_000; draw++) {
    const index = random.below(4);
    counts[index] = (counts[index] ?? 0) + 1;
  }
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400);
});
