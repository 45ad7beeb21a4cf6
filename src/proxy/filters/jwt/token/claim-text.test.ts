import { describe, expect, it } from "vitest";
import { claimText } from "./claim-text.ts";

describe("what a header says of a claim", () => {
  it.each([
    ["text", "a b", "a b"],
    ["text of the world, as bytes", "é", "\u00c3\u00a9"],
    ["nothing of empty text", "", undefined],
    ["nothing of null", null, undefined],
    ["a whole number", 12, "12"],
    ["a large number", 2 ** 60, "1152921504606846976"],
    ["a fraction", 1.25, "1.250000"],
    ["a negative number", -1, "-1.000000"],
    ["yes", true, "true"],
    ["no", false, "false"],
    ["a list, as base64", [1], Buffer.from("[1]").toString("base64")],
    ["an object, as base64", { a: 1 }, Buffer.from('{"a":1}').toString("base64")],
    ["nothing that would be another header", "a\r\nx-admin: 1", undefined],
    ["nothing with a NUL", "a\0", undefined],
    ["nothing with another control character", "a\u0007", undefined],
    ["a tab", "a\tb", "a\tb"],
  ])("is %s", (_, claim, expected) => {
    expect(claimText({ claim }, "claim")).toBe(expected);
  });

  it.each([
    ["a.b", "deep"],
    ["a", Buffer.from('{"b":"deep"}').toString("base64")],
    ["a.c", undefined],
    ["a.b.c", undefined],
    ["__proto__", undefined],
    ["constructor.name", undefined],
    ["list.0", undefined],
  ])("goes by %s into nested claims", (path, expected) => {
    const payload = { a: { b: "deep" }, list: ["x"] };
    expect(claimText(payload, path)).toBe(expected);
  });
});
