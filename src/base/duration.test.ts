import { describe, expect, it } from "vitest";
import { formatDuration, parseDuration } from "./duration.ts";

describe.each([
  { text: "1h30m", ms: 5_400_000 },
  { text: "1.5s", ms: 1500 },
  { text: "250ms", ms: 250 },
  { text: "0s", ms: 0 },
  { text: "1m0.5s", ms: 60_500 },
])("parseDuration($text)", ({ text, ms }) => {
  it(`is ${ms} ms`, () => expect(parseDuration(text)).toBe(ms));
});

describe.each(["", "5", "1d", "s", "1 s", "-1s", "1s ", "1,5s"])("parseDuration(%j)", (text) => {
  it("is refused", () => expect(parseDuration(text)).toBeUndefined());
});

describe.each([
  { ms: 0, text: "0s" },
  { ms: 250, text: "250ms" },
  { ms: 1500, text: "1.5s" },
  { ms: 90_000, text: "1m30s" },
  { ms: 3_600_000, text: "1h" },
])("formatDuration($ms)", ({ ms, text }) => {
  it(`is ${text}`, () => expect(formatDuration(ms)).toBe(text));
});
