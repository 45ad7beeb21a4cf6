import { expect, it } from "vitest";
import { drainTimes, parseDrainSeconds } from "./drain-times.ts";

it.each([
  ["0", 0],
  ["5", 5],
  ["2.5", 2.5],
  ["86400", 86_400],
  ["86401", undefined],
  ["-1", undefined],
  ["5s", undefined],
  ["", undefined],
])("reads %j as %s seconds", (text, seconds) => {
  expect(parseDrainSeconds(text)).toBe(seconds);
});

it("has milliseconds of them", () => {
  expect(drainTimes(25, 2.5)).toEqual({ drainMs: 25_000, acceptMs: 2500 });
});
