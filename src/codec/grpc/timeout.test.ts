import fc from "fast-check";
import { expect, it } from "vitest";
import { formatGrpcTimeout, parseGrpcTimeout } from "./timeout.ts";

it.each([
  ["1H", 3_600_000],
  ["2M", 120_000],
  ["10S", 10_000],
  ["250m", 250],
  ["0m", 0],
  ["1000u", 1],
  ["1001u", 2],
  ["1n", 1],
  ["1000000n", 1],
  ["1000001n", 2],
  ["99999999n", 100],
  ["99999999H", 359_999_996_400_000],
])("reads %j as %i ms", (text, timeoutMs) => {
  expect(parseGrpcTimeout(text)).toBe(timeoutMs);
});

it.each([
  "",
  "m",
  "5",
  "100000000m",
  "-1m",
  "+1m",
  " 1m",
  "1 m",
  "1.5S",
  "1s",
  "1h",
  "0x1S",
  "1mm",
])("takes %j for no timeout", (text) => {
  expect(parseGrpcTimeout(text)).toBe(-1);
});

it.each([
  [0, "0m"],
  [1500, "1500m"],
  [99_999_999, "99999999m"],
  [100_000_000, "100000S"],
  [100_000_000_000, "1666666M"],
  [6_000_000_000_000_000, "99999999H"],
])("writes %i ms as %s", (timeoutMs, text) => {
  expect(formatGrpcTimeout(timeoutMs)).toBe(text);
});

it("reads back what it writes, but for what the unit cuts off", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 99_999_999_000 }), (timeoutMs) => {
      const back = parseGrpcTimeout(formatGrpcTimeout(timeoutMs));
      expect(back).toBeLessThanOrEqual(timeoutMs);
      expect(timeoutMs - back).toBeLessThan(1000);
    }),
  );
});
